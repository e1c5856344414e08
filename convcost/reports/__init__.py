"""Results → text: what each result says in `table`, how a format writes it in `formats`."""

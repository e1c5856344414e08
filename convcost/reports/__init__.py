"""Results → text: what each result says in `contents`, how a format writes it in `formats`."""

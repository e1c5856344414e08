"""The size of a network after pruning, weight sharing and Huffman coding."""

"""How two hosts become hosts of one cluster: a code to paste, words to compare, consent on both sides."""

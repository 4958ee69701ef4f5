"""The table of layer types: role, window, tensors saved for backward, moments under normal input.

activations.py   activations by name: class and linear pieces     poolings.py   poolings by name
table.py         known classes of torch.nn, looked up by module   windows.py    receptive fields
functions.py     torch's functions as the layers that equal them; sums and concatenations
moments.py       E phi(h), E phi(h)^2, E phi'(h)^2 of each activation

Schema, probe, theory, memory, design sheet and diagnosis read it; no other module lists layer classes.
"""

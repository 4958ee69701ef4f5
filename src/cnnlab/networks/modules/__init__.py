"""The one table of layer types: what each is, sees, keeps for the backward pass, and does to a normal variable.

activations.py   every activation by name: its class and its straight pieces    poolings.py   every pooling by name
table.py         every class of torch.nn that is known, looked up by module     windows.py    receptive fields
moments.py       E phi(h), E phi(h)^2, E phi'(h)^2 of any of the activations

Schema, probe, theory, memory, design sheet and advice read it here; nothing else lists classes of layers.
"""

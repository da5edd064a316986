"""How the bundled model is made, from nothing but this folder: see `../README.md`."""

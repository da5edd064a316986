"""Container images: built by buildah, exported as archives, and tried for real.

    make images             artifacts/images/NAME.tar, one per image
    make images-check       builds twice (connected, then with the network off) and transcribes

An archive is an OCI layout in a tar, its layers not compressed, so that two of them differ by what
changed. It is the same to the byte for the same sources, and `docker load`, `podman load` and k3s'
image folder take it. Its name within is `NAME:VERSION`, its file `artifacts/images/NAME.tar`; NAME
is one of `deploy.images.recipes.RECIPES`. `base.tar` beside them is the base that they stand on,
which a build without a network needs; any folder of wheels that fit the locks is a wheelhouse.
"""

#!/bin/sh
# Makes EchoBase's commands on a machine without internet, from a bundle's folder:
#
#     sh install.sh BUNDLE-FOLDER PUBLIC-KEY.pem [PREFIX]
#
# Needs python3 (3.11 or later, the bundle's), openssl 3 and nothing else. It checks the bundle's
# signature and every file's SHA-256 before it runs anything of it. Take this file and the public key
# to the machine beforehand, by a way that you trust: what came with the bundle proves nothing.
set -eu

[ $# -ge 2 ] || { echo "usage: sh install.sh BUNDLE-FOLDER PUBLIC-KEY.pem [PREFIX]" >&2; exit 2; }
bundle=$1
key=$2
prefix=${3:-/opt/echobase}

openssl pkeyutl -verify -pubin -inkey "$key" -rawin \
    -in "$bundle/manifest.json" -sigfile "$bundle/manifest.json.sig" > /dev/null || {
    echo "install.sh: the bundle is not signed by this key; nothing was installed" >&2
    exit 1
}

python3 -I - "$bundle" << 'PYTHON'
import hashlib, json, os, pathlib, sys

if sys.version_info < (3, 11):
    sys.exit("install.sh: EchoBase needs Python 3.11 or later")
bundle = pathlib.Path(sys.argv[1])
listed = {"manifest.json", "manifest.json.sig"}
for file in json.loads((bundle / "manifest.json").read_bytes())["files"]:
    path = bundle / file["path"]
    listed.add(file["path"])
    if any(p.is_symlink() for p in (path, *path.parents) if p.is_relative_to(bundle) and p != bundle):
        sys.exit(f"install.sh: {path} is a link")
    try:
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        sys.exit(f"install.sh: {path}: {error.strerror}")
    if digest != file["sha256"]:
        sys.exit(f"install.sh: {path} is damaged; nothing was installed")
for folder, _, names in os.walk(bundle):
    for name in names:
        path = pathlib.Path(folder, name).relative_to(bundle).as_posix()
        if path not in listed:
            sys.exit(f"install.sh: {path} is not listed in the manifest; nothing was installed")
PYTHON

mkdir -p "$prefix"
tools=$prefix/.tools
rm -rf "$tools"
mkdir "$tools"
python3 -I -m zipfile -e "$bundle"/wheels/uv-*.whl "$tools"
uv=$(echo "$tools"/uv-*.data/scripts/uv)
chmod +x "$uv"

export UV_OFFLINE=1 UV_NO_CONFIG=1 UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
# Beside the old environment, which goes on to work until the new one is whole.
rm -rf "$prefix/venv.new"
"$uv" venv --quiet --relocatable --python "$(command -v python3)" "$prefix/venv.new"
"$uv" pip sync --quiet --python "$prefix/venv.new/bin/python" --no-index --no-build \
    --find-links "$bundle/wheels" --require-hashes "$bundle/requirements/local.txt"
"$uv" pip install --quiet --python "$prefix/venv.new/bin/python" --no-index --no-deps \
    "$bundle"/code/echobase-*.whl
"$prefix/venv.new/bin/python" -I -m compileall -q "$prefix/venv.new/lib"
rm -rf "$prefix/venv.old"
[ ! -e "$prefix/venv" ] || mv "$prefix/venv" "$prefix/venv.old"
mv "$prefix/venv.new" "$prefix/venv"
rm -rf "$prefix/venv.old" "$tools"
echo "EchoBase's commands: $prefix/venv/bin/echobase"

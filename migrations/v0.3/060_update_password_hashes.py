#!/usr/bin/env python3
"""Wraps every md5 password hash in scrypt, so that no fast hash is left.

Nobody's password is known, so the new hash is scrypt over the old one; a
successful sign-in replaces it by scrypt over the password. The salt carries the
old salt in its first half, since checking a password needs it; the second half
is a hash of the user's id and old salt, so that the step gives the same rows in
every run. One transaction; rows that are done already are left alone.
"""

import csv
import hashlib
import io
import os
import subprocess
import sys

N, R, P = 1024, 8, 1


def psql(*arguments, script=None):
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", os.environ["PGCYCLE_DB_URL"]]
    result = subprocess.run(command + list(arguments), input=script, text=True, stdout=subprocess.PIPE)
    if result.returncode != 0:
        sys.exit(result.returncode)
    return result.stdout


def wrap(user_id, password_hash):
    _, old_salt, digest = password_hash.split(":")
    salt = bytes.fromhex(old_salt) + hashlib.sha256(f"{user_id}:{old_salt}".encode()).digest()[:4]
    key = hashlib.scrypt(bytes.fromhex(digest), salt=salt, n=N, r=R, p=P, dklen=32)
    return f"scrypt:{N}:{R}:{P}:{salt.hex()}:{key.hex()}"


def main():
    query = "SELECT id, password_hash FROM users WHERE password_scheme = 'md5' ORDER BY id"
    users = list(csv.DictReader(io.StringIO(psql("--csv", "-c", query))))
    script = ["BEGIN;", "CREATE TEMPORARY TABLE wrapped (id integer, password_hash text) ON COMMIT DROP;",
              "COPY pg_temp.wrapped FROM STDIN;"]
    script += [f"{user['id']}\t{wrap(user['id'], user['password_hash'])}" for user in users]
    # Nobody edited these rows, so none is stamped as edited.
    script += ["\\.", "ALTER TABLE users DISABLE TRIGGER users_stamp;",
               "UPDATE users u SET password_hash = w.password_hash, password_scheme = 'scrypt(md5)'",
               "  FROM pg_temp.wrapped w WHERE w.id = u.id;",
               "ALTER TABLE users ENABLE TRIGGER users_stamp;",
               "ALTER TABLE users ALTER password_scheme SET DEFAULT 'scrypt';",
               "COMMIT;", ""]
    psql(script="\n".join(script))
    print(f"{len(users)} password hashes wrapped")


main()

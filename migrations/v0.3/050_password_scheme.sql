-- Room for the new hashes, and a way to tell them apart.
ALTER TABLE users ADD COLUMN password_scheme text NOT NULL DEFAULT 'md5'
  CHECK (password_scheme IN ('md5', 'scrypt', 'scrypt(md5)'));
COMMENT ON COLUMN users.password_hash IS 'scrypt:N:R:P:SALT:HASH; scrypt(md5) until the next sign-in';

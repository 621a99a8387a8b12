ALTER TABLE users DROP COLUMN password_scheme;
COMMENT ON COLUMN users.password_hash IS 'md5:SALT:HEX of salt and password; to be replaced';

-- Users and passkeys are found by IDs of random bytes. Where the row stands with its ID, one tree is walked for it, not a
-- tree of IDs and then one of rows. Other tables refer to these by name, which is the same at the end: they are not to be
-- renamed along, and no row of theirs goes with the old tables, since foreign keys are off here.

-- +goose Up
PRAGMA legacy_alter_table = ON;

CREATE TABLE mapae_users_5 (
    id                BLOB PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 64),
    login             TEXT NOT NULL,
    login_key         TEXT NOT NULL UNIQUE,
    email             TEXT NOT NULL,
    email_verified_at INTEGER NOT NULL,
    name              TEXT NOT NULL,
    locale            TEXT NOT NULL,
    external_id       TEXT NOT NULL,
    epoch             INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    disabled_at       INTEGER NOT NULL,
    email_key         TEXT NOT NULL,
    frozen_until      INTEGER NOT NULL,
    offer_after       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO mapae_users_5 (id, login, login_key, email, email_verified_at, name, locale, external_id, epoch, created_at, disabled_at,
    email_key, frozen_until, offer_after)
SELECT id, login, login_key, email, email_verified_at, name, locale, external_id, epoch, created_at, disabled_at,
    email_key, frozen_until, offer_after FROM mapae_users ORDER BY id;
DROP TABLE mapae_users;
ALTER TABLE mapae_users_5 RENAME TO mapae_users;
CREATE UNIQUE INDEX mapae_users_external_id ON mapae_users (external_id) WHERE external_id <> '';
CREATE UNIQUE INDEX mapae_users_email_key ON mapae_users (email_key) WHERE email_key <> '';

CREATE TABLE mapae_credentials_5 (
    id                      BLOB PRIMARY KEY NOT NULL CHECK (length(id) BETWEEN 1 AND 1023),
    user_id                 BLOB NOT NULL REFERENCES mapae_users (id) ON DELETE CASCADE,
    sign_count              INTEGER NOT NULL,
    last_used_at            INTEGER NOT NULL,
    backup_eligible         INTEGER NOT NULL,
    backup_state            INTEGER NOT NULL,
    last_used_agent         TEXT NOT NULL,
    public_key              BLOB NOT NULL,
    algorithm               INTEGER NOT NULL,
    uv_initialized          INTEGER NOT NULL,
    first_factor            INTEGER NOT NULL,
    transports              TEXT NOT NULL,
    aaguid                  BLOB NOT NULL,
    rp_id                   TEXT NOT NULL,
    name                    TEXT NOT NULL,
    created_at              INTEGER NOT NULL,
    suspended_at            INTEGER NOT NULL,
    attestation_format      TEXT NOT NULL,
    foreign_handle          INTEGER NOT NULL,
    attestation_object      BLOB NOT NULL,
    attestation_client_data BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO mapae_credentials_5 (id, user_id, sign_count, last_used_at, backup_eligible, backup_state, last_used_agent, public_key, algorithm,
    uv_initialized, first_factor, transports, aaguid, rp_id, name, created_at, suspended_at, attestation_format, foreign_handle,
    attestation_object, attestation_client_data)
SELECT id, user_id, sign_count, last_used_at, backup_eligible, backup_state, last_used_agent, public_key, algorithm,
    uv_initialized, first_factor, transports, aaguid, rp_id, name, created_at, suspended_at, attestation_format, foreign_handle,
    attestation_object, attestation_client_data FROM mapae_credentials ORDER BY id;
DROP TABLE mapae_credentials;
ALTER TABLE mapae_credentials_5 RENAME TO mapae_credentials;
CREATE INDEX mapae_credentials_user ON mapae_credentials (user_id);

PRAGMA legacy_alter_table = OFF;

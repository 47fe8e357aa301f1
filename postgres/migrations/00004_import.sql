-- +goose Up
-- A passkey that another system made under a user handle that is not its user's ID.
ALTER TABLE mapae_credentials ADD COLUMN foreign_handle BIGINT NOT NULL DEFAULT 0;

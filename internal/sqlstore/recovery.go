package sqlstore

import (
	"context"

	"github.com/mapae/mapae"
)

const (
	recoveryColumns = `user_id, claim_hash, proof, created_at, ready_at, ends_at`

	selectRecovery   = `SELECT ` + recoveryColumns + ` FROM mapae_recoveries WHERE claim_hash = $1`
	selectRecoveryOf = `SELECT ` + recoveryColumns + ` FROM mapae_recoveries WHERE user_id = $1`

	// The claim is compared in the statement, so that one that is another
	// user's is no error that would end the transaction.
	setRecovery = `INSERT INTO mapae_recoveries (` + recoveryColumns + `) SELECT $1, $2, $3, $4, $5, $6
	WHERE NOT EXISTS (SELECT 1 FROM mapae_recoveries WHERE user_id <> $1 AND claim_hash = $2)
	ON CONFLICT (user_id) DO UPDATE SET claim_hash = excluded.claim_hash, proof = excluded.proof,
	created_at = excluded.created_at, ready_at = excluded.ready_at, ends_at = excluded.ends_at`

	deleteRecovery = `DELETE FROM mapae_recoveries WHERE user_id = $1`
)

// oneRecovery runs a statement that returns at most one recovery.
func (r Reader) oneRecovery(ctx context.Context, sql string, arg any) (mapae.Recovery, error) {
	var user, claim []byte
	var proof string
	var created, ready, end int64
	err := r.q.Row(ctx, sql, args(arg), []any{&user, &claim, &proof, &created, &ready, &end})
	if err != nil {
		return mapae.Recovery{}, err
	}
	x := mapae.Recovery{
		UserID: mapae.UserID(user), Proof: mapae.MethodName(proof),
		CreatedAt: moment(created), ReadyAt: moment(ready), EndsAt: moment(end),
	}
	copy(x.ClaimHash[:], claim)
	return x, nil
}

// Recovery implements mapae.Reader.
func (r Reader) Recovery(ctx context.Context, claimHash [32]byte) (mapae.Recovery, error) {
	return r.oneRecovery(ctx, selectRecovery, claimHash[:])
}

// RecoveryOf implements mapae.Reader.
func (r Reader) RecoveryOf(ctx context.Context, user mapae.UserID) (mapae.Recovery, error) {
	return r.oneRecovery(ctx, selectRecoveryOf, blob(user))
}

// SetRecovery implements mapae.Tx.
func (t Tx) SetRecovery(ctx context.Context, r mapae.Recovery) error {
	return t.add(ctx, setRecovery, blob(r.UserID), r.ClaimHash[:], string(r.Proof), micros(r.CreatedAt),
		micros(r.ReadyAt), micros(r.EndsAt))
}

// RemoveRecovery implements mapae.Tx.
func (t Tx) RemoveRecovery(ctx context.Context, user mapae.UserID) error {
	return t.write(ctx, deleteRecovery, blob(user))
}

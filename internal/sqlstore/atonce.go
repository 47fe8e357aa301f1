package sqlstore

import (
	"context"
	"fmt"

	"github.com/mapae/mapae"
)

// admitAtOnce is all of an Admission in one statement, for engines that write
// in WITH and lock rows (PostgreSQL), where a round trip costs more than the
// work. What is looked at is locked first, user before session before
// credential, and is then as it was committed last; the parts that follow the
// verdict write what it allows. Each part asks the ones before it by a
// subquery of its own, which is answered once: so none runs too early, and a
// row that had to be waited for is compared again without asking them again.
const admitAtOnce = `WITH spent AS (
	INSERT INTO mapae_spent (ends_at, kind, id) SELECT CAST($1 AS bigint), CAST($2 AS bigint), CAST($3 AS bytea)
	WHERE $2 <> 0 AND NOT EXISTS (SELECT 1 FROM mapae_swept WHERE kind = $2 AND ends_at >= $1)
	ON CONFLICT DO NOTHING RETURNING kind
), owner AS (
	SELECT epoch = CAST($4 AS bigint) AND disabled_at = 0 AS fits FROM mapae_users
	WHERE ($2 = 0 OR EXISTS (SELECT 1 FROM spent)) AND id = CAST($5 AS bytea) FOR NO KEY UPDATE
), renewed AS (
	SELECT 1 FROM mapae_sessions WHERE CAST($6 AS bytea) <> '' AND (SELECT fits FROM owner)
	AND id = CAST($7 AS bytea) AND user_id = $5 AND token_hash = $6 AND idle_ends_at > $8 AND ends_at > $8 FOR NO KEY UPDATE
), credential AS (
	SELECT sign_count < CAST($9 AS bigint) OR sign_count = 0 AND $9 = 0 AS rose, backup_eligible FROM mapae_credentials
	WHERE (SELECT fits FROM owner) AND ($6 = '' OR EXISTS (SELECT 1 FROM renewed))
	AND id = CAST($10 AS bytea) AND user_id = $5 AND user_id = CAST($11 AS bytea) AND suspended_at = 0 FOR NO KEY UPDATE
), verdict AS (
	SELECT CASE
	WHEN $2 <> 0 AND NOT EXISTS (SELECT 1 FROM spent) THEN 0
	WHEN (SELECT fits FROM owner) IS NOT TRUE THEN 3
	WHEN $6 <> '' AND NOT EXISTS (SELECT 1 FROM renewed) THEN 3
	WHEN $10 = '' THEN 1
	WHEN NOT EXISTS (SELECT 1 FROM credential) THEN 4
	WHEN (SELECT rose FROM credential) THEN 1
	WHEN (SELECT backup_eligible FROM credential) = 1 THEN 2
	ELSE 5 END AS v
), used AS (
	UPDATE mapae_credentials SET sign_count = CASE (SELECT v FROM verdict) WHEN 1 THEN $9 ELSE sign_count END,
	backup_eligible = $12, backup_state = $13, last_used_at = $14, last_used_agent = $15
	WHERE (SELECT v FROM verdict) IN (1, 2) AND id = $10 AND user_id = $5
), noted AS (
	INSERT INTO mapae_events
	(id, at, type, reason, user_id, session_id, method, credential_id, address, user_agent, request_id, app)
	SELECT $16, $17, (CAST($18 AS text[]))[v], (CAST($19 AS text[]))[v], $20, $21, $22, $23, $24, $25, $26, $27
	FROM verdict WHERE ($18)[v] <> ''
), made AS (
	INSERT INTO mapae_sessions
	(id, user_id, epoch, seen_at, token_hash, uses, app, address, user_agent, created_at, idle_ends_at, ends_at)
	SELECT $7, $5, $4, $8, $28, $29, $30, $31, $32, $33, $34, $35 FROM verdict WHERE v IN (1, 2) AND $6 = ''
), rotated AS (
	UPDATE mapae_sessions SET epoch = $4, seen_at = $8, token_hash = $28, uses = $29, idle_ends_at = $34, ends_at = $35
	WHERE (SELECT v FROM verdict) IN (1, 2) AND $6 <> '' AND id = $7 AND user_id = $5
) SELECT v FROM verdict`

// AdmitAtOnce is Tx.Admit in one statement of q. q is a transaction, or runs
// the statement in one of its own. Beside what a Querier is given otherwise,
// it is given two arguments of type []string, which are text[].
func AdmitAtOnce(ctx context.Context, q Querier, a mapae.Admission) (mapae.Verdict, error) {
	uses, err := usesText(a.Session.Uses)
	if err != nil {
		return mapae.VerdictSpent, fmt.Errorf("write uses: %w", err)
	}
	s, e := a.Session, a.Event
	var spend mapae.Spend
	if a.Spend != nil {
		spend = *a.Spend
	}
	var use mapae.CredentialUse
	if a.Use != nil {
		use = *a.Use
	}
	var old []byte
	if a.Rotate != nil {
		old = a.Rotate[:]
	}
	types, reasons := outcomes(a)
	var v int64
	err = q.Row(ctx, admitAtOnce, args(micros(spend.Until), int64(spend.Kind), blob(spend.ID),
		s.Epoch, blob(s.UserID), blob(old), blob(s.ID), micros(s.SeenAt),
		int64(use.SignCount), blob(use.ID), blob(use.UserID), flag(use.BackupEligible), flag(use.BackupState), micros(use.At), use.Agent,
		blob(e.ID), micros(e.At), types, reasons, blob(e.UserID), blob(e.SessionID), string(e.Method), blob(e.Credential),
		e.Address, e.UserAgent, e.RequestID, flag(e.App),
		s.TokenHash[:], uses, flag(s.App), s.Address, s.UserAgent, micros(s.CreatedAt), micros(s.IdleEndsAt), micros(s.EndsAt)),
		[]any{&v})
	return mapae.Verdict(v), err
}

// outcomes returns type and reason of the event of each verdict after
// VerdictSpent, which has none.
func outcomes(a mapae.Admission) (types, reasons []string) {
	for _, o := range a.Outcomes[mapae.VerdictSpent+1:] {
		types, reasons = append(types, string(o.Type)), append(reasons, o.Reason)
	}
	return types, reasons
}

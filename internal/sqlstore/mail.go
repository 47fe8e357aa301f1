package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/mapae/mapae"
)

const (
	mailColumns = `id, user_id, recipient, kind, locale, data, created_at, due_at, attempts, last_error`

	insertMail = `INSERT INTO mapae_outbox (` + mailColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	// For engines with one writer at a time.
	claimMail = `UPDATE mapae_outbox SET due_at = $1, attempts = attempts + 1 WHERE id IN
	(SELECT id FROM mapae_outbox WHERE due_at <= $2 ORDER BY due_at, id LIMIT $3) RETURNING ` + mailColumns

	// For engines that lock rows (PostgreSQL): what another transaction is
	// about to claim is passed over, not waited for.
	claimMailUnlocked = `WITH due AS (
	SELECT id FROM mapae_outbox WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
) UPDATE mapae_outbox SET due_at = $3, attempts = attempts + 1 WHERE id IN (SELECT id FROM due) RETURNING ` + mailColumns

	deleteMail   = `DELETE FROM mapae_outbox WHERE id = $1`
	deleteMailOf = `DELETE FROM mapae_outbox WHERE user_id = $1`
	delayMail    = `UPDATE mapae_outbox SET due_at = $1, last_error = $2 WHERE id = $3`
	replaceMail  = `UPDATE mapae_outbox SET data = $1 WHERE id = $2 AND data = $3`

	selectMails = `SELECT ` + mailColumns + ` FROM mapae_outbox WHERE id > $1 ORDER BY id LIMIT $2`
)

// mailRow is a row of mailColumns.
type mailRow struct {
	mail                   mapae.Mail
	id, user               []byte
	kind                   string
	created, due, attempts int64
}

func (r *mailRow) dest() []any {
	m := &r.mail
	return []any{&r.id, &r.user, &m.To, &r.kind, &m.Locale, &m.Data, &r.created, &r.due, &r.attempts, &m.LastError}
}

func (r *mailRow) value() mapae.Mail {
	m := r.mail
	m.ID, m.UserID, m.Kind, m.Data = mapae.MailID(r.id), mapae.UserID(r.user), mapae.MailKind(r.kind), bytesOf(m.Data)
	m.CreatedAt, m.DueAt, m.Attempts = moment(r.created), moment(r.due), int(r.attempts)
	return m
}

// Mails implements mapae.Reader.
func (r Reader) Mails(ctx context.Context, after mapae.MailID, limit int) ([]mapae.Mail, error) {
	return readMails(ctx, r.q, selectMails, args(blob(after), int64(limit)))
}

// AddMail implements mapae.Tx.
func (t Tx) AddMail(ctx context.Context, m mapae.Mail) error {
	_, err := t.q.Exec(ctx, insertMail, blob(m.ID), blob(m.UserID), m.To, string(m.Kind), m.Locale, blob(m.Data),
		micros(m.CreatedAt), micros(m.DueAt), int64(m.Attempts), m.LastError)
	return err
}

// ClaimMail implements mapae.Tx.
func (t Tx) ClaimMail(ctx context.Context, now, until time.Time, limit int) ([]mapae.Mail, error) {
	return readMails(ctx, t.q, claimMail, args(micros(until), micros(now), int64(limit)))
}

// ClaimMailUnlocked is Tx.ClaimMail for engines that lock rows: it passes over
// what other transactions hold. q is a transaction.
func ClaimMailUnlocked(ctx context.Context, q Querier, now, until time.Time, limit int) ([]mapae.Mail, error) {
	return readMails(ctx, q, claimMailUnlocked, args(micros(now), int64(limit), micros(until)))
}

// readMails runs a statement that returns mails in any order, and puts them in
// that of their IDs.
func readMails(ctx context.Context, q Querier, sql string, args []any) (list []mapae.Mail, err error) {
	var row mailRow
	err = q.Rows(ctx, sql, args, row.dest(), func() error {
		list = append(list, row.value())
		return nil
	})
	slices.SortFunc(list, func(a, b mapae.Mail) int { return cmp.Compare(a.ID, b.ID) })
	return list, err
}

// RemoveMail implements mapae.Tx.
func (t Tx) RemoveMail(ctx context.Context, id mapae.MailID) error {
	return t.write(ctx, deleteMail, blob(id))
}

// DelayMail implements mapae.Tx.
func (t Tx) DelayMail(ctx context.Context, id mapae.MailID, due time.Time, lastError string) error {
	return t.write(ctx, delayMail, micros(due), lastError, blob(id))
}

// ReplaceMail implements mapae.Tx.
func (t Tx) ReplaceMail(ctx context.Context, id mapae.MailID, data, old []byte) (bool, error) {
	n, err := t.q.Exec(ctx, replaceMail, blob(data), blob(id), blob(old))
	return n == 1, err
}

package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/mapae/mapae/internal/sqlstore"
)

const (
	beginBatch  = `BEGIN IMMEDIATE`
	commitBatch = `COMMIT`
	undoBatch   = `ROLLBACK`

	beginMember  = `SAVEPOINT mapae_member`
	commitMember = `RELEASE mapae_member`
	undoMember   = `ROLLBACK TO mapae_member`
)

// errPanicked is never seen: it undoes the savepoint of a function that did
// not return.
var errPanicked = errors.New("sqlite: the function did not return")

// batch is the transactions that are committed together.
type batch struct {
	conn   *conn
	open   bool
	others []*member // all but the leader
	broken error     // why none of them can be committed
}

// exec runs one of the statements above. One that fails breaks the batch.
func (b *batch) exec(sql string) error {
	if b.broken != nil {
		return b.broken
	}
	if _, err := b.conn.Exec(context.Background(), sql); err != nil {
		b.broken = fmt.Errorf("%s: %w", sql, err)
	}
	return b.broken
}

func (b *batch) begin() { b.open = b.exec(beginBatch) == nil }

// let gives a member that waited its turn.
func (b *batch) let(m *member) {
	b.others = append(b.others, m)
	switch {
	case b.broken != nil:
	case m.ours:
		b.run(m)
	default:
		m.told <- turn{runs, b}
		<-m.ran
	}
}

// run runs m's function in a savepoint, which is undone unless the function
// returns nil and no statement in it failed.
func (b *batch) run(m *member) {
	if m.err = m.ctx.Err(); m.err != nil {
		return
	}
	if m.err = b.exec(beginMember); m.err != nil {
		return
	}
	t := &txConn{conn: b.conn}
	m.err = errPanicked
	defer func() {
		t.over = true
		b.conclude(m)
	}()
	if m.err = m.f(sqlstore.NewTx(t)); m.err == nil {
		m.err = t.broken
	}
}

// conclude ends m's savepoint. SQLite undoes the whole transaction by itself
// when a disk is full or fails; there is no savepoint then, and the batch is
// broken.
func (b *batch) conclude(m *member) {
	if m.err != nil && b.exec(undoMember) != nil {
		return
	}
	if err := b.exec(commitMember); m.err == nil {
		m.err = err
	}
}

// end commits, and tells every member how its transaction ended.
func (b *batch) end(leader *member) {
	err := b.exec(commitBatch)
	if b.open && err != nil {
		// Where SQLite has undone it already this fails, which is well.
		_, _ = b.conn.Exec(context.Background(), undoBatch)
	}
	if leader.err == nil {
		leader.err = err
	}
	for _, m := range b.others {
		if m.err == nil {
			m.err = err
		}
		m.told <- turn{word: ended}
	}
}

package sqlite

import (
	"cmp"
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

	beginShared  = `SAVEPOINT mapae_shared`
	commitShared = `RELEASE mapae_shared`
	undoShared   = `ROLLBACK TO mapae_shared`
)

// errPanicked is never seen: it undoes what a function did that did not
// return.
var errPanicked = errors.New("sqlite: the function did not return")

var errUndone = errors.New("sqlite: the transaction was undone")

// batch is the transactions that are committed together. A caller's function,
// which is run once, has a savepoint of its own. Functions of this package
// hardly ever fail and may be run again: those that follow each other share one
// savepoint, or none where they are the first, and only where one of them fails
// all of them are undone and each is run again in its own.
type batch struct {
	conn   *conn
	others []*member // all but the leader
	shared []*member // the last ones that ran, where they are undone together
	saved  bool      // by a savepoint; else with the whole transaction
	kept   bool      // others ran before, whose writes stay when they are undone
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

func (b *batch) begin() { _ = b.exec(beginBatch) } // one that fails breaks the batch

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

// run runs m's function. What it wrote is undone unless the function returns
// nil and no statement in it failed.
func (b *batch) run(m *member) {
	if m.err = cmp.Or(b.broken, m.ctx.Err()); m.err != nil {
		return
	}
	if m.ours {
		b.together(m)
		return
	}
	b.settle()
	b.alone(m)
}

// together runs m after those that share, and undoes all of them if it fails.
func (b *batch) together(m *member) {
	if len(b.shared) == 0 && b.kept {
		if m.err = b.exec(beginShared); m.err != nil {
			return
		}
		b.saved = true
	}
	b.shared = append(b.shared, m)
	defer func() {
		if m.err != nil {
			b.apart()
		}
	}()
	b.call(m)
}

// apart undoes those that share, and runs each again in a savepoint of its own.
// What panicked is not run again.
func (b *batch) apart() {
	again := b.shared
	if b.saved {
		_ = b.exec(undoShared)
		b.settle()
	} else if b.exec(undoBatch) == nil {
		_ = b.exec(beginBatch)
	}
	b.shared = nil
	for _, m := range again { // in a broken batch none is
		if m.err != errPanicked {
			b.alone(m)
		}
	}
}

// settle keeps what those that share wrote: nobody undoes it any more but with
// the whole batch.
func (b *batch) settle() {
	if b.saved {
		_ = b.exec(commitShared) // one that fails breaks the batch
	}
	b.shared, b.saved = nil, false
}

// alone runs m in a savepoint of its own.
func (b *batch) alone(m *member) {
	b.kept = true
	if m.err = b.exec(beginMember); m.err != nil {
		return
	}
	defer b.conclude(m)
	b.call(m)
}

// call calls m's function. Until it has returned, m failed.
func (b *batch) call(m *member) {
	t := &txConn{conn: b.conn}
	defer func() { t.over = true }()
	m.err = errPanicked
	if m.err = m.f(sqlstore.NewTx(t)); m.err == nil {
		m.err = t.broken
	}
	if m.err == nil && !b.conn.inTransaction() { // what follows would be committed by itself
		b.broken = errUndone
		m.err = errUndone
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
	if err != nil && b.conn.inTransaction() {
		// One that fails is tried again at the end of the next batch, which can't begin.
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

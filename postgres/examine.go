package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mapae/mapae"
	"github.com/mapae/mapae/internal/sqlstore"
)

const (
	selectSetting = `SELECT COALESCE(current_setting($1, true), '')`

	selectInvalid = `SELECT 'index ' || indexrelid::regclass::text FROM pg_index
	WHERE NOT (indisvalid AND indisready AND indislive) AND indrelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'mapae\_%' AND relnamespace = current_schema()::regnamespace)
	UNION ALL SELECT 'constraint ' || conname::text FROM pg_constraint
	WHERE NOT convalidated AND conrelid IN (SELECT oid FROM pg_class WHERE relname LIKE 'mapae\_%' AND relnamespace = current_schema()::regnamespace)`
)

// setting is one of the server's that decides whether what was acknowledged is
// kept.
type setting struct {
	name  string
	level mapae.Level // of a value that is not good
	good  []string
	why   string
}

var settings = []setting{
	{"fsync", mapae.LevelProblem, []string{"on"}, "a crash of the machine may leave a database that can't be read"},
	{"full_page_writes", mapae.LevelProblem, []string{"on"}, "a crash of the machine may leave torn pages"},
	{"synchronous_commit", mapae.LevelProblem, []string{"on", "remote_apply", "remote_write", "local"}, "a crash loses sign-ins that were acknowledged, and brings spent codes back"},
	{"zero_damaged_pages", mapae.LevelProblem, []string{"off"}, "damaged pages are emptied and nobody is told"},
	{"ignore_checksum_failure", mapae.LevelProblem, []string{"off"}, "damaged pages are read as if they were whole"},
	{"data_checksums", mapae.LevelWarning, []string{"on"}, "damage of a disk is not noticed (pg_checksums --enable)"},
}

// Examine says how the database that url names is, and changes nothing. Of the
// keys that it lists, check says whether they are known. Deep reads all of
// Mapae's tables, and asks for settings of the server that lose data. The
// error is that of a database that can't be reached or read.
func Examine(ctx context.Context, url string, deep bool, check func([]mapae.KeyCheck) error) (all []mapae.Finding, err error) {
	err = withPool(ctx, url, func(p *pgxpool.Pool) error {
		all, err = examine(withoutHurry(ctx), &pool{pgx: p}, deep, check)
		return err
	})
	if err != nil {
		return all, fmt.Errorf("examine: %w", err)
	}
	return all, nil
}

func examine(ctx context.Context, p *pool, deep bool, check func([]mapae.KeyCheck) error) (all []mapae.Finding, err error) {
	current, known, err := versions(ctx, p.pgx)
	if err != nil {
		return nil, err
	}
	all = append(all, sqlstore.Versions(current, known))
	if current != known {
		return all, nil // the rest asks for tables that may not be there
	}
	r := sqlstore.NewReader(p)
	keys, err := sqlstore.Keys(ctx, r, check)
	if err != nil {
		return all, err
	}
	if all = append(all, keys); !deep {
		return all, nil
	}
	for _, look := range []func(context.Context, *pool) ([]mapae.Finding, error){lookAtSettings, lookForInvalid} {
		found, err := look(ctx, p)
		all = append(all, found...)
		if err != nil {
			return all, err
		}
	}
	orphans, err := sqlstore.Orphans(ctx, r)
	return append(all, orphans...), err
}

func lookAtSettings(ctx context.Context, p *pool) (all []mapae.Finding, err error) {
	var fine []string
	for _, s := range settings {
		var value string
		if err := p.Row(ctx, selectSetting, []any{s.name}, []any{&value}); err != nil {
			return all, fmt.Errorf("ask for %s: %w", s.name, err)
		}
		if text := s.name + "=" + value; strings.Contains(" "+strings.Join(s.good, " ")+" ", " "+value+" ") {
			fine = append(fine, text)
		} else {
			all = append(all, mapae.Finding{Check: "settings", Level: s.level, Text: text + ": " + s.why})
		}
	}
	if len(fine) > 0 {
		all = append(all, mapae.Finding{Check: "settings", Level: mapae.LevelOK, Text: strings.Join(fine, " ")})
	}
	return all, nil
}

// lookForInvalid looks for indexes that are not used, as one that was being
// built when it was broken off, and constraints that were not validated.
func lookForInvalid(ctx context.Context, p *pool) (all []mapae.Finding, err error) {
	var name string
	err = p.Rows(ctx, selectInvalid, nil, []any{&name}, func() error {
		all = append(all, mapae.Finding{Check: "indexes", Level: mapae.LevelProblem, Text: name + " is not valid"})
		return nil
	})
	if err == nil && len(all) == 0 {
		all = append(all, mapae.Finding{Check: "indexes", Level: mapae.LevelOK, Text: "all indexes and constraints are valid"})
	}
	return all, err
}

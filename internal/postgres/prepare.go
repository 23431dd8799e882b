package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// prepareTable makes the tables that are missing, adds our columns to one that is there,
// and works out how to write into it.
func (s *session) prepareTable(ctx context.Context, opt *Options) error {
	info, err := lookTable(ctx, s.conn, opt.quotedTable())
	if err != nil {
		return s.fail("look at the table", err, "")
	}
	if info == nil {
		if info, err = s.makeTable(ctx, opt); err != nil {
			return err
		}
	}
	s.schema, s.table = quoteIdent(info.schema)+".", info.quoted()
	if err := s.makeSideTables(ctx); err != nil {
		return err
	}
	if info, err = s.adapt(ctx, info, opt); err != nil {
		return err
	}
	if err := s.prepareFlows(ctx, opt); err != nil {
		return err
	}
	if s.layout, err = layoutFor(info, !opt.Basic); err != nil {
		return &Error{Problem: ProblemTable, Op: "look at the table", Where: s.cfg.String(), Why: err.Error(), err: err}
	}
	s.copySQL = s.layout.copySQL(s.table)
	s.readable = !opt.Basic && s.rows.of(info) == nil
	s.ids = idSource{sequence: s.layout.sequence, owner: s.layout.seqOwner}
	return nil
}

// ddl runs statements in one transaction, under the lock for such things, and waits only
// shortly for locks.
func (s *session) ddl(ctx context.Context, statements ...string) error {
	sql := "BEGIN; SET LOCAL lock_timeout = " + strconv.FormatInt(ddlTimeout.Milliseconds(), 10) +
		"; SELECT pg_catalog.pg_advisory_xact_lock(" + strconv.Itoa(ddlLock) + "); " + strings.Join(statements, "; ") + "; COMMIT"
	_, err := batch(ctx, s.conn, sql)
	if err != nil {
		s.rollback(ctx)
	}
	return err
}

// rollback ends a failed transaction, if the connection still lives.
func (s *session) rollback(ctx context.Context) {
	if !s.conn.IsClosed() && s.conn.TxStatus() != 'I' {
		_, _ = batch(ctx, s.conn, "ROLLBACK")
	}
}

func (s *session) makeTable(ctx context.Context, opt *Options) (*tableInfo, error) {
	name := opt.quotedTable()
	grant := "GRANT CREATE, USAGE ON SCHEMA " + opt.schema() + " TO " + quoteIdent(s.cfg.User())
	if err := s.ddl(ctx, createTable(name, !opt.Basic, opt.PrimaryKey)...); err != nil {
		return nil, s.fail("create the table "+opt.Table, err, grant)
	}
	info, err := lookTable(ctx, s.conn, name)
	if err == nil && info == nil {
		err = errors.New("the table is not in the search path after it was made")
	}
	if err != nil {
		return nil, s.fail("create the table "+opt.Table, err, "")
	}
	s.log.Info("created the table", "table", info.quoted(), "server", s.cfg)
	return info, nil
}

func (s *session) makeSideTables(ctx context.Context) error {
	for _, name := range []string{cursorTable, interfaceTable, secondTable, addressTable} {
		rows, err := query(ctx, s.conn, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", s.schema+name)
		if err == nil && !isTrue(rows[0][0]) {
			err = s.ddl(ctx, fmt.Sprintf(sideTables[name], s.schema))
		}
		if err != nil {
			return s.fail("create the table "+name, err,
				"GRANT CREATE, USAGE ON SCHEMA "+strings.TrimSuffix(s.schema, ".")+" TO "+quoteIdent(s.cfg.User()))
		}
	}
	return s.growCursors(ctx, newerColumns...)
}

// growCursors adds the columns that an older version's tarrafa_cursors lacks.
func (s *session) growCursors(ctx context.Context, columns ...string) error {
	var adds []string
	for _, c := range columns {
		name, _, _ := strings.Cut(c, " ")
		rows, err := query(ctx, s.conn, "SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = $1::regclass AND attname = $2 AND NOT attisdropped", s.schema+cursorTable, name)
		if err != nil {
			return s.fail("look at the table "+cursorTable, err, "")
		}
		if len(rows) == 0 {
			adds = append(adds, "ADD COLUMN IF NOT EXISTS "+c)
		}
	}
	if adds == nil {
		return nil
	}
	if err := s.ddl(ctx, "ALTER TABLE "+s.schema+cursorTable+" "+strings.Join(adds, ", ")); err != nil {
		return s.fail("add columns to "+cursorTable, err, "")
	}
	return nil
}

// adapt changes an old program's table so far as needed: our columns behind its own, room
// for IPv6 addresses, a source of ids. What the owner has not allowed us is left as it is.
func (s *session) adapt(ctx context.Context, info *tableInfo, opt *Options) (*tableInfo, error) {
	changes := map[string]string{}
	if sql := info.missing(); sql != "" && !opt.Basic {
		changes["add columns"] = sql
	}
	if sql := info.narrow(); sql != "" {
		changes["widen the address columns"] = sql
	}
	if sql := s.sourceOfIDs(info); sql != "" {
		changes["give the ids a sequence"] = sql
	}
	if len(changes) == 0 || info.kind != "r" && info.kind != "p" {
		return info, nil
	}
	for what, sql := range changes {
		err := s.ddl(ctx, sql)
		var server *pgconn.PgError
		switch {
		case err == nil:
			s.log.Info("changed the table", "table", info.quoted(), "what", what, "server", s.cfg)
		case errors.As(err, &server) && (server.Code == codePermission || server.Code == codeUnsupported):
			if s.warned[what] {
				continue
			}
			s.warned[what] = true
			s.log.Warn("the table stays as it is", "table", info.quoted(), "wanted", what,
				"why", line(server.Message), "its owner can run", sql)
		default:
			return nil, s.fail(what, err, "")
		}
	}
	changed, err := lookTable(ctx, s.conn, info.quoted())
	if err != nil || changed == nil {
		return nil, s.fail("look at the table", errors.Join(err, errors.New("it is gone")), "")
	}
	return changed, nil
}

// sourceOfIDs returns the statements that give an id column without any default a
// sequence; empty when there is nothing to do.
func (s *session) sourceOfIDs(info *tableInfo) string {
	c := info.column(columns[fieldID].name)
	if c == nil || !c.notNull || c.byDefault != "" || c.identity || c.generated || c.category != "N" {
		return ""
	}
	sequence := quoteIdent(info.schema) + "." + quoteIdent(info.name+"_id_seq")
	return fmt.Sprintf("CREATE SEQUENCE IF NOT EXISTS %[1]s OWNED BY %[2]s.id; "+
		"SELECT pg_catalog.setval(%[3]s, GREATEST((SELECT max(id) FROM %[2]s)::bigint, 1)); "+
		"ALTER TABLE %[2]s ALTER COLUMN id SET DEFAULT nextval(%[3]s)",
		sequence, info.quoted(), quoteLiteral(sequence))
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	floorDatabase    = "naru_bench_floor"
	floorConnections = 16
	noiseBytes       = 1 << 20
	// Sizes of the floor's rows: what intake wrote per document when the floor was set (document row, share of the outgoing
	// frame, at 2d52f98). They never change, so that figures of different commits compare with the same floor.
	documentRowBytes = 1805
	outboxFrameBytes = 1149
)

// floor is the minimum cost of a document: one transaction with one document row and one outbox row, in a database of its own on
// the relay's server. Both rows are sent in one round trip of prepared statements, as one transaction.
type floor struct {
	stack                   *stack
	db                      *pgxpool.Pool
	noise                   []byte
	documentBytes, outBytes int
	serial                  atomic.Int64
}

func newFloor(ctx context.Context, s *stack) (*floor, error) {
	if _, err := s.db.Exec(ctx, "create database "+floorDatabase); err != nil {
		return nil, fmt.Errorf("make the floor's database: %w", err)
	}
	f := &floor{stack: s, noise: make([]byte, noiseBytes)}
	_, _ = rand.Read(f.noise) // never fails (crypto/rand)
	var err error
	if f.db, err = s.connect(ctx, floorDatabase, floorConnections); err != nil {
		return nil, err
	}
	const tables = `
		create table document (
			edoc_num text collate "C" constraint document_pk primary key,
			body     bytea not null);
		create table outbox (
			frame_id uuid constraint outbox_pk primary key,
			frame    bytea not null);
		alter table document alter column body  set storage external;
		alter table outbox   alter column frame set storage external`
	if _, err := f.db.Exec(ctx, tables, pgx.QueryExecModeSimpleProtocol); err != nil {
		f.close()
		return nil, fmt.Errorf("make the floor's tables: %w", err)
	}
	// Bodies fill the rows to the wanted sizes. The two empty rows measured here have a one-byte header for the body; a body of
	// more than 126 bytes has a header that is three bytes longer.
	var emptyDocument, emptyOutbox int
	if err := f.db.QueryRow(ctx, `
		select pg_column_size(row($1::text, ''::bytea)), pg_column_size(row($2::uuid, ''::bytea))`, f.number(), uuid.New()).Scan(&emptyDocument, &emptyOutbox); err != nil {
		f.close()
		return nil, fmt.Errorf("size the floor's rows: %w", err)
	}
	const longHeader = 3
	f.documentBytes = max(1, documentRowBytes-emptyDocument-longHeader)
	f.outBytes = max(1, outboxFrameBytes-longHeader-1)
	return f, nil
}

func (f *floor) close() { f.db.Close() }

// number returns a number that is as long as an edoc number and increases like one.
func (f *floor) number() string { return fmt.Sprintf("20260101_FLOOR00001_%013d", f.serial.Add(1)) }

// round inserts the documents into empty tables over 16 connections.
func (f *floor) round(ctx context.Context, documents int) (round, error) {
	if _, err := f.db.Exec(ctx, "truncate document, outbox"); err != nil {
		return round{}, fmt.Errorf("empty the floor's tables: %w", err)
	}
	before, err := f.stack.mark(ctx)
	if err != nil {
		return round{}, err
	}
	var left atomic.Int64
	left.Store(int64(documents))
	var wait sync.WaitGroup
	problems := make([]error, floorConnections)
	for i := range floorConnections {
		wait.Go(func() {
			for left.Add(-1) >= 0 && problems[i] == nil {
				problems[i] = f.put(ctx)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(problems...); err != nil {
		return round{}, err
	}
	return f.stack.since(ctx, before, f.stack.clock.Now(), documents)
}

func (f *floor) put(ctx context.Context) error {
	frame, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make frame id: %w", err)
	}
	number := f.number()
	at := int(f.serial.Load()*1021) % (noiseBytes - max(f.documentBytes, f.outBytes))
	// Without an explicit begin, the statements of one batch form one transaction.
	var batch pgx.Batch
	batch.Queue("insert into document (edoc_num, body) values ($1, $2)", number, f.noise[at:at+f.documentBytes])
	batch.Queue("insert into outbox (frame_id, frame) values ($1, $2)", frame, f.noise[at:at+f.outBytes])
	if err := f.db.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("put document: %w", err)
	}
	return nil
}

package auditing

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/naru-relay/naru/pkg/pgserver"
)

// restorer is the role that loads a dump.
const restorer = "restorer"

var errNoDump = errors.New("it is no dump of one database or schema by pg_dump, in plain or custom format")

// restore loads a dump into a private server and returns the database's URL. Closing o stops and removes the server.
//
// A dump may be crafted to do more than restore data. So it is loaded without psql, because a plain dump may hold shell commands,
// and by a role that owns only the new database, because a superuser's statements may run programs.
func (o *opened) restore(ctx context.Context, file string) (string, error) {
	text, err := plainOf(ctx, file)
	if err != nil {
		return "", err
	}
	defer text.Close()
	dir, err := os.MkdirTemp("", "naru-dump-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the restored copy: %w", err)
	}
	o.close = append(o.close, func() { _ = os.RemoveAll(dir) }) // only a copy
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, NoSync: true})
	if err != nil {
		return "", err
	}
	o.close = append(o.close, func() { _ = server.Stop(context.WithoutCancel(ctx)) }) // the folder is removed next
	o.running = false
	password := rand.Text()
	if err := makeDatabase(ctx, server.SuperURL("postgres"), password); err != nil {
		return "", err
	}
	address := server.URL(restorer, password, relayDatabase)
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", fmt.Errorf("connect to the restored copy: %w", err)
	}
	err = load(ctx, conn.PgConn(), text)
	return address, errors.Join(err, conn.Close(ctx))
}

func makeDatabase(ctx context.Context, super, password string) error {
	conn, err := pgx.Connect(ctx, super)
	if err != nil {
		return fmt.Errorf("connect to the private server: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{`create role ` + restorer + ` login password '` + password + `'`, `create database ` + relayDatabase + ` owner ` + restorer} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare the private server: %w", err)
		}
	}
	return nil
}

// plainOf returns a dump as SQL. pg_restore converts the custom format.
func plainOf(ctx context.Context, file string) (io.ReadCloser, error) {
	const custom, plain = "PGDMP", "-- PostgreSQL database dump\n"
	content, err := os.Open(file) //nolint:gosec // the operator's
	if err != nil {
		return nil, fmt.Errorf("open the dump: %w", err)
	}
	head := make([]byte, 64)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.Join(fmt.Errorf("read %s: %w", file, errNoDump), content.Close())
	}
	switch {
	case bytes.HasPrefix(head, []byte(custom)):
		defer content.Close()
		program, err := pgserver.Program(ctx, "pg_restore")
		if err != nil {
			return nil, err
		}
		return run(ctx, program, "--no-owner", "--no-privileges", "--file=-", file)
	case bytes.Contains(head[:n], []byte(plain)):
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return nil, errors.Join(fmt.Errorf("read %s: %w", file, err), content.Close())
		}
		return content, nil
	default:
		return nil, errors.Join(fmt.Errorf("read %s: %w", file, errNoDump), content.Close())
	}
}

// output reads what a program writes. If the program fails, the end of its output is an error instead of io.EOF.
type output struct {
	io.Reader
	command *exec.Cmd
	said    bytes.Buffer
}

func run(ctx context.Context, program string, args ...string) (*output, error) {
	o := &output{command: exec.CommandContext(ctx, program, args...)}
	o.command.Stderr = &o.said
	out, err := o.command.StdoutPipe()
	if err == nil {
		err = o.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	o.Reader = out
	return o, nil
}

// Read implements io.Reader.
func (o *output) Read(into []byte) (int, error) {
	n, err := o.Reader.Read(into)
	if errors.Is(err, io.EOF) && o.command.ProcessState == nil {
		if ended := o.command.Wait(); ended != nil {
			return n, fmt.Errorf("%w: %s", errNoDump, strings.TrimSpace(o.said.String()))
		}
	}
	return n, err
}

// Close kills the program if it still runs.
func (o *output) Close() error {
	if o.command.ProcessState != nil {
		return nil
	}
	return errors.Join(o.command.Process.Kill(), o.command.Wait())
}

var (
	// passedOver matches lines about owners, rights, session settings and the database itself, which a copy does not need. Each
	// matched line is a whole statement or a psql command.
	passedOver = regexp.MustCompile(`^(\\|SET |GRANT |REVOKE |ALTER DEFAULT PRIVILEGES |ALTER DATABASE |CREATE DATABASE |ALTER [A-Z ]+ .* OWNER TO [^;]*;$|--)`)
	copied     = regexp.MustCompile(`^(COPY .* FROM stdin);$`)
)

// load runs a dump's statements and copies its rows.
func load(ctx context.Context, conn *pgconn.PgConn, dump io.Reader) error {
	lines := bufio.NewReaderSize(dump, 1<<20)
	var statements strings.Builder
	// Functions may name tables that the dump creates later.
	statements.WriteString("set check_function_bodies = off;\n")
	flush := func() error {
		defer statements.Reset()
		if _, err := conn.Exec(ctx, statements.String()).ReadAll(); err != nil {
			return fmt.Errorf("restore the dump: %w", err)
		}
		return nil
	}
	for whole := false; ; {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the dump: %w", err)
		}
		text := strings.TrimSuffix(line, "\n")
		whole = whole || text == "-- PostgreSQL database dump complete"
		if start := copied.FindStringSubmatch(text); start != nil {
			if err := flush(); err != nil {
				return err
			}
			if _, err := conn.CopyFrom(ctx, &rows{lines: lines}, start[1]); err != nil {
				return fmt.Errorf("restore the dump: %w", err)
			}
		} else if !passedOver.MatchString(text) {
			statements.WriteString(line)
		}
		if err != nil && !whole {
			return fmt.Errorf("read the dump: %w: its end is missing", errNoDump)
		}
		if err != nil {
			return flush()
		}
	}
}

// rows reads lines up to the terminator of a COPY.
type rows struct {
	lines *bufio.Reader
	rest  []byte
	ended bool
}

// Read implements io.Reader.
func (r *rows) Read(into []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		line, err := r.lines.ReadBytes('\n')
		if err != nil {
			return 0, fmt.Errorf("read the dump: %w", errNoDump)
		}
		if r.ended = string(line) == "\\.\n"; !r.ended {
			r.rest = line
		}
	}
	n := copy(into, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

package pg_test

import (
	"os"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func() error { return goleak.Find() })) //nolint:forbidigo // the main function of this test binary
}

// source returns migrations in memory, one per text.
func source(name string, migrations ...string) pg.Source {
	files := fstest.MapFS{}
	for i, text := range migrations {
		files["0000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return pg.Source{Name: name, FS: files}
}

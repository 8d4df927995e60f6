package archive

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func() error { return goleak.Find() })) //nolint:forbidigo // the main function of this test binary
}

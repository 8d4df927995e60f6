package web_test

import (
	"os"
	"testing"

	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

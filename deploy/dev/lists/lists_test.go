package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/registry"
)

// Every generated list is current. Each must contain the rows named here, so that an empty rendering cannot pass.
func TestListsAreCurrent(t *testing.T) {
	t.Parallel()
	known := map[string][]string{
		"docs/access.md": {
			"| `IntakeService/Send` | `POST /v1/documents` | sender; agent; recipient | `documents.send` |",
			"| `InboxService/ListInbox` | `GET /v1/inbox` | recipient | `documents.receive` |",
			"| `TokenService/IssueToken` |  | open |  |",
			"| `intake.recipient_description` | address | one a month, destroyed 150 days after its end |",
			"| `address.blind_ci` | nobody (blind index) | one |",
		},
		"docs/architecture.md":      {"| circulation | 유통정보:", "| CirculationRegistered, ReadTimeRegistered, CirculationRefused, CirculationGivenUp |"},
		"README.md":                 {"[intake](services/intake) · "},
		"README.ko.md":              {"[intake](services/intake) · "},
		"deploy/nats/accounts.conf": {"user: intake, password: $BUS_PASSWORD_INTAKE"},
		".golangci.yml":             {`files: ["**/services/intake/**", "!**/services/intake/cmd/**"]`},
	}
	for _, l := range lists() {
		was, err := os.ReadFile("../../../" + l.file)
		require.NoError(t, err)
		wanted, err := l.render(registry.Units(), was)
		require.NoError(t, err)
		require.Equal(t, string(wanted), string(was), "make lists")
		require.NotEmpty(t, known[l.file])
		for _, row := range known[l.file] {
			require.Contains(t, string(was), row)
		}
	}
}

// A file without the place for a list is an error.
func TestBordersNeedTheirPlace(t *testing.T) {
	t.Parallel()
	_, err := borders([]unit.Unit{{Name: "intake"}}, []byte("linters:\n"))
	require.ErrorContains(t, err, "not there")
}

package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPageIsCurrent(t *testing.T) {
	t.Parallel()
	wanted, count, err := render()
	require.NoError(t, err)
	require.Positive(t, count)
	committed, err := os.ReadFile("../../../" + file)
	require.NoError(t, err)
	require.Equal(t, string(wanted), string(committed), "go run ./deploy/dev/accesscheck -write")
	// Rows known by heart, so that an empty rendering cannot look right.
	for _, row := range []string{
		"| `IntakeService/Send` | `POST /v1/documents` | sender | `documents.send` |",
		"| `InboxService/ListInbox` | `GET /v1/inbox` | recipient |  |",
		"| `TokenService/IssueToken` |  | open |  |",
	} {
		require.Contains(t, string(committed), row)
	}
}

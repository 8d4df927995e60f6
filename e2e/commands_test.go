package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var edocNumber = regexp.MustCompile(`\d{8}_[A-Za-z0-9]{10}_\d{13}`)

// The commands that a running relay prints send a document exactly as printed.
func TestPrintedCommands(t *testing.T) {
	t.Parallel()
	institution, tools, printed := stack.Institution(t), stack.Tools(t), stack.Relay.Greeting()
	var names []string
	numbers := map[string]string{}
	for _, command := range stack.Relay.Commands() {
		names = append(names, command.Name)
		text := "  " + strings.ReplaceAll(command.Shell, "\n", "\n  ")
		require.Contains(t, printed, text)
		t.Run(command.Name, func(t *testing.T) {
			stdout := stack.Shell(t, tools, text)
			numbers[command.Name] = edocNumber.FindString(stdout)
			require.NotEmpty(t, numbers[command.Name], "%s", stdout)
			status := institution.AwaitState(t, numbers[command.Name], "RECEIVED")
			require.NotEmpty(t, status.RecipientAddress)
		})
	}
	require.Equal(t, []string{"curl", "grpcurl", "naru send"}, names)
	require.Equal(t, numbers["curl"], numbers["grpcurl"], "both send the prepared request: the second is answered the first receipt")
}

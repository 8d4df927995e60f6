package sealed_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sealed"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// opens is a box whose values open to themselves.
type opens struct{}

func (opens) Open(_ context.Context, _ sealed.Purpose, _ string, value []byte) ([]byte, error) {
	return value, nil
}

// What opens and is no message of the kind can never be read, and is told without a byte of it.
func TestOpenMessageOfAnUnknownForm(t *testing.T) {
	t.Parallel()
	into := &platformv1.Digest{}
	err := sealed.OpenMessage(t.Context(), opens{}, "intake.title", "doc", []byte("\x0a\x07secret"), into)
	require.ErrorIs(t, err, fault.Corrupt)
	require.True(t, sealed.Unreadable(err))
	require.NotContains(t, err.Error(), "secret")
	require.NoError(t, sealed.OpenMessage(t.Context(), opens{}, "intake.title", "doc", []byte("\x0a\x06SHA-25"), into))
	require.Equal(t, "SHA-25", into.GetAlgorithm())
}

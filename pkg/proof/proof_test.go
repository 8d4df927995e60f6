package proof_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/proof"
)

// Failed checks are found in any error that joins or wraps them, in the requested order, and can be translated into another
// package's checks.
func TestFailures(t *testing.T) {
	t.Parallel()
	form, seal, age := proof.Check{Of: "letter", Name: "form"}, proof.Check{Of: "letter", Name: "seal"}, proof.Check{Of: "letter", Name: "age"}
	cause := errors.New("cause")
	err := errors.Join(&proof.Failure{Check: age, Detail: "too old"}, &proof.Failure{Check: form, Detail: "torn", Cause: cause})
	require.Equal(t, []proof.Check{form, age}, proof.Failed(err, form, seal, age))
	require.NotErrorIs(t, err, proof.Check{Of: "parcel", Name: "form"}, "another kind's check of that name")
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "letter age check: too old\nletter form check: torn: cause")

	damaged := proof.Check{Of: "parcel", Name: "damaged"}
	lost := &proof.Failure{Check: proof.Check{Of: "parcel", Name: "lost"}, Detail: "no letter"}
	said := errors.Join(proof.Translate(err, proof.Failed(err, form, seal), map[proof.Check]proof.Failure{form: {Check: damaged, Detail: "letter"}}, lost)...)
	require.Equal(t, []proof.Check{damaged}, proof.Failed(said, damaged))
	require.ErrorIs(t, said, form, "the cause is kept")
	require.NoError(t, errors.Join(proof.Translate(nil, nil, nil, lost)...))

	// A check without a translation, and an error that names no check, are still reported.
	require.ErrorIs(t, errors.Join(proof.Translate(err, []proof.Check{age}, nil, lost)...), lost.Check)
	unnamed := errors.Join(proof.Translate(cause, nil, nil, lost)...)
	require.ErrorIs(t, unnamed, lost.Check)
	require.ErrorIs(t, unnamed, cause)
}

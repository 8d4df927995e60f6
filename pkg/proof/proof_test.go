package proof_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/proof"
)

// What failed is found in any error that joins or wraps failures, in the order asked for, and can be said in another package's
// terms.
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
	said := errors.Join(proof.Translate(err, proof.Failed(err, form, seal), map[proof.Check]proof.Failure{form: {Check: damaged, Detail: "letter"}})...)
	require.Equal(t, []proof.Check{damaged}, proof.Failed(said, damaged))
	require.ErrorIs(t, said, form, "the cause is kept")
	require.NoError(t, errors.Join(proof.Translate(nil, nil, nil)...))
}

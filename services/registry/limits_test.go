package registry

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/limits"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// The rules in the protos have the limits of pkg/limits, which all later steps use.
func TestTheDoorsKeepTheLimits(t *testing.T) {
	t.Parallel()
	rules := func(message proto.Message, field protoreflect.Name) *validate.FieldRules {
		of := message.ProtoReflect().Descriptor().Fields().ByName(field)
		require.NotNil(t, of, field)
		found, ok := proto.GetExtension(of.Options(), validate.E_Field).(*validate.FieldRules)
		require.True(t, ok, field)
		return found
	}
	for _, of := range []struct {
		message proto.Message
		field   protoreflect.Name
		most    int
	}{
		{&intakev1.SendItem{}, "title", limits.Title}, {&intakev1.SendItem{}, "sender_sub_address", limits.SubAddress},
		{&intakev1.Viewing{}, "url", limits.ViewingURL},
		{&platformv1.PlatformAddress{}, "address", limits.Address}, {&platformv1.PlatformAddress{}, "sub_address", limits.SubAddress},
		{&platformv1.PersonDescription{}, "name", limits.PersonName},
		{&addressv1.Institution{}, "name", limits.PersonName}, {&addressv1.Institution{}, "address", limits.Address},
		{&gatewayv1.ViewingSystem{}, "name", limits.PersonName},
		{&certificatev1.RequestCertificateRequest{}, "reason", limits.Reason},
	} {
		require.EqualValues(t, of.most, rules(of.message, of.field).GetString().GetMaxLen(), of.field)
	}
	require.EqualValues(t, limits.Attachments, rules(&intakev1.SendItem{}, "attachment_hashes").GetRepeated().GetMaxItems())
	require.EqualValues(t, limits.RegistrationCertificateBytes, rules(&intakev1.SendItem{}, "registration_certificate").GetBytes().GetMaxLen())
	require.Equal(t, []string{limits.HashAlgorithm}, rules(&platformv1.Digest{}, "algorithm").GetString().GetIn())
	require.Equal(t, "^[0-9a-f]{64}$", rules(&platformv1.Digest{}, "value").GetString().GetPattern())
}

package gateway

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/naru-relay/naru/pkg/unit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Every public RPC is routed to its unit, and every unit's access rule can be read.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	offers, err := newCatalogue(behind()...)
	require.NoError(t, err)
	require.Equal(t, "viewing", offers.methods["/naru.viewing.v1.ViewingService/ReportRead"].unit)
	require.NotContains(t, offers.methods, "/naru.platform.v1.KeyService/GetDataKey")
	batch := offers.methods["/naru.intake.v1.IntakeService/BatchSend"].bounds
	require.Equal(t, 16<<20, batch.RequestBytes)
	require.EqualValues(t, "items", batch.Items.Name())
	for method, to := range offers.methods {
		require.True(t, to.rule.GetOpen() || len(to.rule.GetKinds()) > 0, method)
	}
}

// badOffers registers services with bounds that no door can keep, once for all runs of the test.
var badOffers = sync.OnceValue(func() error {
	method := func(name string, streams bool, bounds *platformv1.Bounds) *descriptorpb.ServiceDescriptorProto {
		options := &descriptorpb.MethodOptions{}
		proto.SetExtension(options, platformv1.E_Access, &platformv1.Access{Open: true})
		proto.SetExtension(options, platformv1.E_Bounds, bounds)
		of := ".naru.intake.v1.BatchSendRequest"
		return &descriptorpb.ServiceDescriptorProto{Name: &name, Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("Call"), InputType: &of, OutputType: &of, Options: options, ServerStreaming: &streams},
		}}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("offers_that_cannot_be_kept.proto"), Package: proto.String("test.offers"), Syntax: proto.String("proto3"),
		Dependency: []string{intakev1.File_naru_intake_v1_intake_service_proto.Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{
			method("Good", false, &platformv1.Bounds{Items: "items"}), method("Streaming", true, nil), method("Huge", false, &platformv1.Bounds{RequestBytes: 1 << 30}),
			method("NoList", false, &platformv1.Bounds{Items: "nothing"}),
		},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

// If the doors cannot do what a proto says, they report it before they open.
func TestOffersThatCannotBeKept(t *testing.T) {
	t.Parallel()
	require.NoError(t, badOffers())
	for name, want := range map[string]string{"Good": "", "Streaming": "streams", "Huge": "no message has more than", "NoList": "is no list of items", "Unknown": "finding service"} {
		_, err := newCatalogue(unit.Unit{Name: "test", Doors: []unit.Door{{Service: "test.offers." + name}}})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	good := Default()
	good.PublicURL = publicURL
	require.NoError(t, good.Validate())
	bad := Default()
	bad.REST.Listen, bad.GRPC.KeyFile, bad.TokenLife, bad.Quota.BatchItemsBurst, bad.Quota.RequestsPerSecond = "x", "k", 0, 999, 0
	bad.Streams = StreamsConfig{AtOnce: 1, AtOncePerAddress: 2}
	err := bad.Validate()
	for _, path := range []string{"rest.listen", "grpc.certificate_file", "public_url", "token_life", "quota.batch_items_burst", "quota.requests_per_second", "streams.still", "streams.longest", "streams.at_once_per_address"} {
		require.ErrorContains(t, err, path)
	}
}

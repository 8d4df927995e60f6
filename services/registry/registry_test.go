package registry

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
)

// Every service with a public RPC is offered at the doors, by the unit that owns the proto or by every unit.
func TestPublicServicesAreOffered(t *testing.T) {
	t.Parallel()
	offered := map[string]string{}
	for _, d := range unit.PlatformDoors() {
		offered[d.Service] = "platform"
	}
	for _, u := range Units() {
		for _, d := range u.Doors {
			require.NotContains(t, offered, d.Service)
			offered[d.Service] = u.Name
		}
	}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		name, ours := strings.CutPrefix(string(f.Package()), "naru.")
		for i := 0; ours && i < f.Services().Len(); i++ {
			service := f.Services().Get(i)
			public := false
			for j := range service.Methods().Len() {
				rule, err := rpc.AccessOf(service.Methods().Get(j))
				require.NoError(t, err)
				public = public || rpc.Public(rule)
			}
			unit, found := offered[string(service.FullName())]
			require.Equal(t, public, found, service.FullName())
			if found {
				require.Equal(t, strings.TrimSuffix(name, ".v1"), unit, service.FullName())
			}
		}
		return true
	})
}

// The readers that a proto names for a public fact are exactly the units that consume it, so nobody holds a key to facts it does
// not read.
func TestReadersAreThoseWhoRead(t *testing.T) {
	t.Parallel()
	for _, producer := range Units() {
		for _, kind := range producer.PublicKinds() {
			rule, err := journal.RuleOfKind(kind)
			require.NoError(t, err)
			var reading []string
			for _, u := range Units() {
				for _, spec := range u.Reads {
					if slices.Contains(spec.Kinds, kind) && !slices.Contains(reading, u.Name) {
						reading = append(reading, u.Name)
					}
				}
			}
			require.ElementsMatch(t, reading, rule.Readers, kind)
		}
	}
}

// What a unit seals is opened by exactly the units that its rule names, and each of them declares it. The expected table is
// written out here.
func TestSealedValuesAreOpenedByTheirReaders(t *testing.T) {
	t.Parallel()
	known := map[sealed.Purpose][]string{
		"intake.title": {"circulation", "delivery"}, "intake.contact": {"delivery"}, "intake.recipient_description": {"address"}, "intake.viewing_identifier": {"viewing"},
		"intake.registration_certificate": {"intake"}, "archive.registration_certificate": {"archive"},
		"intake.authorisation_items": {"intake"},
		"address.member":             {"address"}, "address.institution": {"address"}, "address.archive_memberships": {"address", "intake"},
		"hub.exchange": {"hub"}, "hub.token": {"hub"}, "web.session": {"web"}, "web.draft": {"web"},
		"circulation.ruling_reason": {"circulation"},
		"certificate.reason":        {"certificate"}, "certificate.file": {"certificate"}, "certificate.bundle": {"certificate"},
	}
	opened, named := map[sealed.Purpose][]string{}, map[sealed.Purpose][]string{}
	for _, u := range Units() {
		require.NoError(t, sealed.Check(u.Name, u.Seals, u.Opens))
		for _, p := range u.Opens {
			opened[p] = append(opened[p], u.Name)
			require.Contains(t, u.Requires, p.Maker(), "it asks it for keys")
		}
		for _, r := range u.Seals {
			if r.Index {
				continue
			}
			named[r.Purpose] = r.Readers
			if slices.Contains(r.Readers, u.Name) {
				opened[r.Purpose] = append(opened[r.Purpose], u.Name)
			}
		}
	}
	require.Equal(t, known, named)
	require.Len(t, opened, len(named))
	for p, readers := range named {
		require.ElementsMatch(t, readers, opened[p], p)
	}
}

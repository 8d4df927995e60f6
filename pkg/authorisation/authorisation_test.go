package authorisation_test

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/keys/keystest"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/golden"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

type vectors struct {
	Keys  json.RawMessage
	Items []struct {
		Name, Digest string
		Item         json.RawMessage
	}
	Certificates []struct{ EdocNum, Reason, Digest string }
	Lists        []struct {
		Salt, Digest string
		Items        []string
	}
	Wanted         struct{ Authorisation, Agent, Sender, Digest string }
	At             int64
	Valid, Refused []struct{ Name, Compact, KeyID, Wrong string }
}

func (v vectors) wanted() authorisation.Claims {
	return authorisation.Claims{Authorisation: v.Wanted.Authorisation, Agent: v.Wanted.Agent, Sender: v.Wanted.Sender, Digest: v.Wanted.Digest}
}

func readVectors(t testing.TB) (vectors, map[string]*ecdsa.PublicKey) {
	t.Helper()
	var v vectors
	golden.Vectors(t, &v)
	keys, err := authn.ParseKeySet(v.Keys, "authorisation")
	require.NoError(t, err)
	require.Len(t, keys, 1)
	return v, keys
}

// Digests are those that another implementation computed (deploy/dev/vectors.py).
func TestDigests(t *testing.T) {
	t.Parallel()
	v, _ := readVectors(t)
	require.NotEmpty(t, v.Items)
	require.NotEmpty(t, v.Lists)
	for _, of := range v.Items {
		var item intakev1.SendItem
		require.NoError(t, protojson.Unmarshal(of.Item, &item), of.Name)
		require.Equal(t, of.Digest, authorisation.OfItem(&item).String(), of.Name)
	}
	require.NotEmpty(t, v.Certificates)
	for _, of := range v.Certificates {
		require.Equal(t, of.Digest, authorisation.OfCertificate(of.EdocNum, of.Reason).String())
	}
	for _, of := range v.Lists {
		salt, err := hex.DecodeString(of.Salt)
		require.NoError(t, err)
		var digests []authorisation.Digest
		for _, text := range of.Items {
			one, err := hex.DecodeString(text)
			require.NoError(t, err)
			digests = append(digests, authorisation.Digest(one))
		}
		require.Equal(t, of.Digest, authorisation.Of(salt, digests...).String())
	}
}

// The vectors are accepted or refused as stated.
func TestVectors(t *testing.T) {
	t.Parallel()
	v, keys := readVectors(t)
	require.NotEmpty(t, v.Valid)
	require.NotEmpty(t, v.Refused)
	for _, good := range v.Valid {
		signed, err := authorisation.Verify(good.Compact, keys, v.wanted(), time.Unix(v.At, 0))
		require.NoError(t, err, good.Name)
		require.Equal(t, good.KeyID, signed.KeyID, good.Name)
	}
	for _, bad := range v.Refused {
		_, err := authorisation.Verify(bad.Compact, keys, v.wanted(), time.Unix(v.At, 0))
		var failure *proof.Failure
		require.ErrorAs(t, err, &failure, bad.Name)
		require.Equal(t, bad.Wrong, failure.Check.Name, bad.Name)
	}
}

// Every field of an item that is sent counts: a field that somebody adds to the message and not to the digest fails here.
func TestEveryFieldCounts(t *testing.T) {
	t.Parallel()
	item := &intakev1.SendItem{}
	filled(item.ProtoReflect())
	item.RegistrationCertificateDigest = "" // the certificate itself counts
	digest := authorisation.OfItem(item)
	paths := pathsOf(item.ProtoReflect(), nil)
	require.Greater(t, len(paths), 25)
	for _, path := range paths {
		without := proto.CloneOf(item)
		m, name := without.ProtoReflect(), ""
		for i, fd := range path {
			name += "." + string(fd.Name())
			if i == len(path)-1 {
				m.Clear(fd)
				break
			}
			m = m.Mutable(fd).Message()
		}
		switch name {
		case ".authorisation", // names what the digest is of
			".recipient.ci", ".recipient.person", ".recipient.business_number": // one kind of recipient counts, and none has two
			continue
		}
		require.NotEqual(t, digest, authorisation.OfItem(without), name)
	}

	for name, change := range map[string]func(r *platformv1.RecipientIdentifier){
		"another CI": func(r *platformv1.RecipientIdentifier) { r.Ci = proto.String("y") },
		"a business": func(r *platformv1.RecipientIdentifier) { r.Ci, r.BusinessNumber = nil, proto.String("x") },
		"a person": func(r *platformv1.RecipientIdentifier) {
			r.Ci, r.Person = nil, &platformv1.PersonDescription{Name: "x"}
		},
	} {
		of := &intakev1.SendItem{Recipient: &platformv1.RecipientIdentifier{Ci: proto.String("x")}}
		before := authorisation.OfItem(of)
		change(of.GetRecipient())
		require.NotEqual(t, before, authorisation.OfItem(of), name)
	}
	of := &intakev1.SendItem{RegistrationCertificateDigest: strings.Repeat("cd", 32)}
	before := authorisation.OfItem(of)
	of.RegistrationCertificateDigest = strings.Repeat("ce", 32)
	require.NotEqual(t, before, authorisation.OfItem(of), "another certificate")
}

// filled gives every field a value.
func filled(m protoreflect.Message) {
	if at, ok := m.Interface().(*timestamppb.Timestamp); ok {
		at.Seconds = 7
		return
	}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		value := func() protoreflect.Value {
			switch fd.Kind() {
			case protoreflect.MessageKind:
				inner := m.NewField(fd)
				if fd.IsList() {
					inner = inner.List().NewElement()
				}
				filled(inner.Message())
				return inner
			case protoreflect.EnumKind:
				return protoreflect.ValueOfEnum(1)
			case protoreflect.BoolKind:
				return protoreflect.ValueOfBool(true)
			case protoreflect.BytesKind:
				return protoreflect.ValueOfBytes([]byte("x"))
			default:
				return protoreflect.ValueOfString("x")
			}
		}
		if fd.IsList() {
			m.Mutable(fd).List().Append(value())
			continue
		}
		m.Set(fd, value())
	}
}

// pathsOf are the ways to every field that is set, inside messages too, but not inside persons, times and lists.
func pathsOf(m protoreflect.Message, to []protoreflect.FieldDescriptor) (found [][]protoreflect.FieldDescriptor) {
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if !m.Has(fd) {
			continue
		}
		here := append(slices.Clone(to), fd)
		found = append(found, here)
		if fd.Kind() != protoreflect.MessageKind || fd.IsList() || fd.Name() == "person" {
			continue
		}
		if _, ok := m.Get(fd).Message().Interface().(*timestamppb.Timestamp); !ok {
			found = append(found, pathsOf(m.Get(fd).Message(), here)...)
		}
	}
	return found
}

func claims() authorisation.Claims {
	return authorisation.Claims{
		Authorisation: uuid.NewString(), Agent: uuid.NewString(), Sender: uuid.NewString(), Digest: strings.Repeat("0a", 32),
		ExpiresAt: time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC),
	}
}

// What is signed here is verified here, until its time is over.
func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	key, want := keystest.Signer(t, "authorisation"), claims()
	compact, err := authorisation.Sign(key, want)
	require.NoError(t, err)
	public, ok := key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	keys := map[string]*ecdsa.PublicKey{key.KeyID(): public}
	signed, err := authorisation.Verify(compact, keys, want, want.ExpiresAt.Add(-time.Microsecond))
	require.NoError(t, err)
	require.Equal(t, authorisation.Signed{KeyID: key.KeyID(), ExpiresAt: want.ExpiresAt}, signed)
	_, err = authorisation.Verify(compact, keys, want, want.ExpiresAt)
	require.ErrorIs(t, err, authorisation.ErrExpired)
	_, err = authorisation.Verify(compact, nil, want, time.Time{})
	require.ErrorIs(t, err, authorisation.ErrKey)
}

// Sign does not make what Verify would refuse.
func TestSignRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*authorisation.Claims){
		"no authorisation": func(c *authorisation.Claims) { c.Authorisation = "" },
		"upper case":       func(c *authorisation.Claims) { c.Agent = strings.ToUpper(c.Agent) },
		"another digest":   func(c *authorisation.Claims) { c.Digest = "sha256" },
		"no end":           func(c *authorisation.Claims) { c.ExpiresAt = time.Time{} },
	} {
		c := claims()
		change(&c)
		_, err := authorisation.Sign(keystest.Signer(t, "authorisation"), c)
		require.ErrorIs(t, err, authorisation.ErrMalformed, name)
	}
}

// Any text is refused with a named failure, unless exactly that was signed.
func FuzzVerify(f *testing.F) {
	v, keys := readVectors(f)
	good := map[string]bool{}
	for _, seed := range v.Valid {
		good[seed.Compact[:strings.LastIndexByte(seed.Compact, '.')]] = true
		f.Add(seed.Compact)
	}
	for _, seed := range v.Refused {
		f.Add(seed.Compact)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		_, err := authorisation.Verify(compact, keys, v.wanted(), time.Unix(v.At, 0))
		if err == nil {
			require.True(t, good[compact[:strings.LastIndexByte(compact, '.')]], "only what was signed holds")
			return
		}
		var failure *proof.Failure
		require.ErrorAs(t, err, &failure)
		require.Equal(t, "authorisation", failure.Check.Of)
	})
}

package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/keys"
)

func open(t *testing.T, dir string, create bool) *keys.Store {
	t.Helper()
	store, err := keys.Open(dir, keys.Options{Create: create})
	require.NoError(t, err)
	return store
}

// The published key verifies what a signer signs, also after a restart.
func TestSigner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	store := open(t, dir, true)
	signer, err := store.Signer(t.Context(), "receipt")
	require.NoError(t, err)
	digest := sha256.Sum256([]byte("content"))
	signature, err := signer.Sign(rand.Reader, digest[:], nil)
	require.NoError(t, err)

	reopened := open(t, dir, false)
	public, err := reopened.PublicKeys(t.Context(), "receipt")
	require.NoError(t, err)
	require.Len(t, public, 1)
	require.Equal(t, signer.KeyID(), public[0].KeyID)
	require.True(t, public[0].Current)
	require.True(t, ecdsa.VerifyASN1(public[0].Key, digest[:], signature))

	info, err := os.Stat(filepath.Join(dir, "receipt.signer.pem"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	leftovers, err := filepath.Glob(filepath.Join(dir, ".new-*"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}

// The key id is the RFC 7638 thumbprint. The key is the P-256 example of RFC 7517 appendix A.1; the digest was computed with
// another tool over the JSON text of the required members.
func TestKeyID(t *testing.T) {
	t.Parallel()
	coordinate := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		require.NoError(t, err)
		return b
	}
	point := slices.Concat([]byte{4}, coordinate("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"), coordinate("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"))
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	require.NoError(t, err)
	id, err := keys.KeyID(key)
	require.NoError(t, err)
	require.Equal(t, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s", id)

	_, err = keys.KeyID(nil)
	require.Error(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = keys.KeyID(&other.PublicKey)
	require.Error(t, err)
}

// A process with the same folder decrypts what another encrypted, but only with the same associated data.
func TestAEAD(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	kek, err := open(t, dir, true).AEAD(t.Context(), "kek")
	require.NoError(t, err)
	sealed, err := kek.Encrypt([]byte("data key"), []byte("row 1"))
	require.NoError(t, err)

	kek, err = open(t, dir, false).AEAD(t.Context(), "kek")
	require.NoError(t, err)
	opened, err := kek.Decrypt(sealed, []byte("row 1"))
	require.NoError(t, err)
	require.Equal(t, []byte("data key"), opened)
	_, err = kek.Decrypt(sealed, []byte("row 2"))
	require.Error(t, err)
}

// The MAC is HMAC-SHA-256 over length-prefixed parts, with the key of the file.
func TestMAC(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	mac, err := open(t, dir, true).MAC(t.Context(), "fingerprint")
	require.NoError(t, err)

	encoded, err := os.ReadFile(filepath.Join(dir, "fingerprint.mac"))
	require.NoError(t, err)
	key, err := base64.StdEncoding.DecodeString(string(encoded))
	require.NoError(t, err)
	h := hmac.New(sha256.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, 2))
	h.Write([]byte("ab"))
	h.Write(binary.BigEndian.AppendUint64(nil, 1))
	h.Write([]byte("c"))
	want := h.Sum(nil)

	require.Equal(t, want, mac.Sum([]byte("ab"), []byte("c")))
	require.NotEqual(t, want, mac.Sum([]byte("a"), []byte("bc")))
	require.True(t, mac.Equal(want, []byte("ab"), []byte("c")))
	require.False(t, mac.Equal(want, []byte("abc")))
}

// Rotation replaces the signing key. The published set still verifies what the old key signed.
func TestRotate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	store := open(t, dir, true)
	first, err := store.Signer(t.Context(), "receipt")
	require.NoError(t, err)
	second, err := store.Rotate(t.Context(), "receipt")
	require.NoError(t, err)
	third, err := store.Rotate(t.Context(), "receipt")
	require.NoError(t, err)
	require.NotEqual(t, first.KeyID(), second.KeyID())

	reopened := open(t, dir, false)
	current, err := reopened.Signer(t.Context(), "receipt")
	require.NoError(t, err)
	require.Equal(t, third.KeyID(), current.KeyID())
	public, err := reopened.PublicKeys(t.Context(), "receipt")
	require.NoError(t, err)
	require.Len(t, public, 3)
	require.Equal(t, third.KeyID(), public[0].KeyID)
	retired := map[string]any{public[1].KeyID: public[1].Key, public[2].KeyID: public[2].Key}
	require.Equal(t, map[string]any{first.KeyID(): first.Public(), second.KeyID(): second.Public()}, retired)
	require.False(t, public[1].Current || public[2].Current)

	_, err = reopened.Rotate(t.Context(), "receipt")
	require.ErrorContains(t, err, "not allowed")
}

// If keys may not be created, a missing one is an error.
func TestNoCreation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700)) //nolint:gosec // a folder has to be entered
	store := open(t, dir, false)
	_, err := store.Signer(t.Context(), "receipt")
	require.ErrorIs(t, err, keys.ErrNotFound)
	_, err = store.AEAD(t.Context(), "kek")
	require.ErrorIs(t, err, keys.ErrNotFound)
	_, err = store.MAC(t.Context(), "mac")
	require.ErrorIs(t, err, keys.ErrNotFound)
	_, err = store.PublicKeys(t.Context(), "receipt")
	require.ErrorIs(t, err, keys.ErrNotFound)
	_, err = keys.Open(filepath.Join(dir, "none"), keys.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

// Stores that create the same keys at the same time end up with the same ones.
func TestCreationRace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "keys")
	const racers = 16
	ids, sums := make([]string, racers), make([]string, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			store, err := keys.Open(dir, keys.Options{Create: true})
			if err != nil {
				return
			}
			if signer, err := store.Signer(t.Context(), "receipt"); err == nil {
				ids[i] = signer.KeyID()
			}
			if mac, err := store.MAC(t.Context(), "fingerprint"); err == nil {
				sums[i] = string(mac.Sum())
			}
		})
	}
	wg.Wait()
	for i := range racers {
		require.NotEmpty(t, ids[i])
		require.Equal(t, ids[0], ids[i])
		require.NotEmpty(t, sums[i])
		require.Equal(t, sums[0], sums[i])
	}
}

// Key files that others can read or change are refused.
func TestExposed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		file   os.FileMode
		folder os.FileMode
		opens  bool
		reads  bool
	}{
		{name: "owner only", file: 0o600, folder: 0o700, opens: true, reads: true},
		{name: "mounted for a group", file: 0o440, folder: 0o755, opens: true, reads: true},
		{name: "file the world can read", file: 0o604, folder: 0o700, opens: true},
		{name: "file a group can write", file: 0o660, folder: 0o700, opens: true},
		{name: "folder the world can write", file: 0o600, folder: 0o707},
		{name: "folder a group can write", file: 0o600, folder: 0o770},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "keys")
			_, err := open(t, dir, true).Signer(t.Context(), "receipt")
			require.NoError(t, err)
			require.NoError(t, os.Chmod(filepath.Join(dir, "receipt.signer.pem"), tt.file))
			require.NoError(t, os.Chmod(dir, tt.folder))
			store, err := keys.Open(dir, keys.Options{Create: true})
			if !tt.opens {
				require.ErrorIs(t, err, keys.ErrExposed)
				return
			}
			require.NoError(t, err)
			_, err = store.Signer(t.Context(), "receipt")
			if tt.reads {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, keys.ErrExposed)
			}
		})
	}
}

// A damaged or foreign key file is an error that does not repeat its content, and it is never overwritten.
func TestDamaged(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(p384)
	require.NoError(t, err)
	foreign := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	dir := filepath.Join(t.TempDir(), "keys")
	store := open(t, dir, true)
	for name, content := range map[string][]byte{
		"a.signer.pem": []byte("hunter2"), "b.signer.pem": foreign, "c.signer.pem": append(foreign, foreign...), "d.signer.pem": nil,
		"e.signer.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")}),
		"a.aead.json":  []byte(`{"hunter2":1}`), "a.mac": []byte("aHVudGVyMg=="),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		_, err := store.Signer(t.Context(), name)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	_, err = store.AEAD(t.Context(), "a")
	require.ErrorContains(t, err, "a.aead.json")
	require.NotContains(t, err.Error(), "hunter2")
	_, err = store.MAC(t.Context(), "a")
	require.ErrorContains(t, err, "not 32 bytes")
	content, err := os.ReadFile(filepath.Join(dir, "a.signer.pem"))
	require.NoError(t, err)
	require.Equal(t, "hunter2", string(content))
}

// Names cannot leave the folder.
func TestNames(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "keys"), true)
	for _, name := range []string{"", "../x", "a/b", "A", "1a", "a.b", ".a", string(make([]byte, 64))} {
		_, err := store.Signer(t.Context(), name)
		require.ErrorContains(t, err, "name is not", "%q", name)
	}
}

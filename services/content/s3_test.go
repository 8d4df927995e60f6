package content_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	"github.com/naru-relay/naru/services/content"
)

// objectStore speaks as much of the interface of S3 as the unit needs for objects of one chunk.
type objectStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	down    bool
}

func (s *objectStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	object, there := s.objects[r.URL.Path]
	switch {
	case s.down || err != nil:
		w.WriteHeader(http.StatusForbidden) // an error that the client does not repeat
	case r.Method == http.MethodPut:
		s.objects[r.URL.Path] = body
	case r.Method == http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !there:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
	default:
		_, _ = w.Write(object)
	}
}

func (s *objectStore) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s.objects)), func(key string) bool { return strings.HasSuffix(key, "naru-content") })
}

func (s *objectStore) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// Files are kept in an object store as in a folder.
func TestObjectStore(t *testing.T) {
	store := &objectStore{objects: map[string][]byte{}}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	o := newOffice(t, func(c *content.Config) {
		c.Bucket = "s3://files?region=test&use_path_style=true&response_checksum_validation=when_required&request_checksum_calculation=when_required&endpoint=" + server.URL
	})
	file := pdfOf(300_000)
	uploadID := o.ready(t, file)
	require.Len(t, store.keys(), 1)
	got, err := o.read(t, uploadID, 1000)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file[1000:], got))

	store.change(func() { store.down = true })
	_, err = o.read(t, uploadID, 0)
	requireReason(t, err, contentv1.Reason_REASON_STORAGE_UNAVAILABLE)
	store.change(func() { store.down = false })
	lost := store.keys()[0]
	var kept []byte
	store.change(func() { kept = store.objects[lost]; delete(store.objects, lost) })
	_, err = o.read(t, uploadID, 0)
	requireReason(t, err, contentv1.Reason_REASON_CONTENT_DAMAGED)
	store.change(func() { store.objects[lost] = kept })

	_, err = o.uploads(t).DeleteUpload(t.Context(), &contentv1.DeleteUploadRequest{Id: uploadID})
	require.NoError(t, err)
	o.pass(t, day)
	require.Eventually(t, func() bool { return len(store.keys()) == 0 }, unittest.Patience, shortly)
}

package content_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/smalldisk"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// A bucket without room refuses new files, keeps what it has, and goes on where it stood once there is room.
func TestBucketFull(t *testing.T) {
	t.Parallel()
	disk := smalldisk.New(t, "24m")
	o := officeAt(t, filepath.Join(disk, "bucket"))
	file := pdfOf(9 << 20)
	uploadID := o.create(t, file)
	stream, err := o.uploads(t).AppendUpload(t.Context())
	require.NoError(t, err)
	require.NoError(t, send(stream, uploadID, 0, file[:8<<20]))
	require.Eventually(t, func() bool { return o.get(t, uploadID).GetOffset() == 8<<20 }, unittest.Patience, shortly)
	free := smalldisk.Full(t, disk)
	require.NoError(t, send(stream, "", 0, file[8<<20:]))
	_, err = stream.CloseAndRecv()
	requireReason(t, err, contentv1.Reason_REASON_STORAGE_FULL)
	require.Equal(t, int64(8<<20), o.get(t, uploadID).GetOffset())
	_, err = o.uploads(t).CreateUpload(t.Context(), describe(file))
	requireReason(t, err, contentv1.Reason_REASON_STORAGE_FULL)
	free()
	u, err := appendTo(t.Context(), o.uploads(t), uploadID, 8<<20, file[8<<20:])
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	got, err := o.read(t, uploadID, 0)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, got))
}

// A bucket that is away, or another one in its place, is told from files that are lost; nothing is written to the wrong place.
func TestBucketAway(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(100)
	uploadID, begun := o.ready(t, file), o.create(t, file)
	aside := o.folder + ".aside"
	for _, place := range []func(){func() {}, func() { require.NoError(t, os.Mkdir(o.folder, 0o700)) }} {
		require.NoError(t, os.Rename(o.folder, aside))
		place()
		_, err := o.read(t, uploadID, 0)
		requireReason(t, err, contentv1.Reason_REASON_STORAGE_UNAVAILABLE)
		_, err = appendTo(t.Context(), o.uploads(t), begun, 0, file)
		requireReason(t, err, contentv1.Reason_REASON_STORAGE_UNAVAILABLE)
		_, err = o.uploads(t).CreateUpload(t.Context(), describe(file))
		requireReason(t, err, contentv1.Reason_REASON_STORAGE_UNAVAILABLE)
		require.NoError(t, os.RemoveAll(o.folder))
		require.NoError(t, os.Rename(aside, o.folder))
		got, err := o.read(t, uploadID, 0)
		require.NoError(t, err)
		require.Equal(t, file, got)
	}
	require.Zero(t, o.Metric(t, "naru_content_damaged_files_total"))
}

// Whatever happens to an object, a stream gives only bytes that were uploaded, and ends with the alarm.
func TestDamaged(t *testing.T) {
	t.Parallel()
	file := pdfOf(300_000)
	for name, damage := range map[string]func(t *testing.T, object string){
		"lost":                 func(t *testing.T, object string) { t.Helper(); require.NoError(t, os.Remove(object)) },
		"cut":                  func(t *testing.T, object string) { t.Helper(); require.NoError(t, os.Truncate(object, 150_000)) },
		"emptied":              func(t *testing.T, object string) { t.Helper(); require.NoError(t, os.Truncate(object, 0)) },
		"cut between segments": func(t *testing.T, object string) { t.Helper(); require.NoError(t, os.Truncate(object, 2*65536)) },
		"longer": func(t *testing.T, object string) {
			t.Helper()
			require.NoError(t, os.WriteFile(object, append([]byte(readFile(t, object)), 'x'), 0o600))
		},
		"changed": func(t *testing.T, object string) {
			t.Helper()
			raw := []byte(readFile(t, object))
			raw[200_000] ^= 1
			require.NoError(t, os.WriteFile(object, raw, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			uploadID := o.ready(t, file)
			damage(t, o.objects(t)[0])
			got, err := o.read(t, uploadID, 0)
			requireReason(t, err, contentv1.Reason_REASON_CONTENT_DAMAGED)
			require.Less(t, len(got), len(file))
			require.True(t, bytes.HasPrefix(file, got))
			require.InEpsilon(t, 1, o.Metric(t, "naru_content_damaged_files_total"), 0)
			require.Contains(t, o.Logs.String(), "a file was changed or lost where it is kept")
		})
	}
}

// The object of one file in the place of another's does not open.
func TestExchanged(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	first := o.ready(t, pdfOf(1000))
	of := o.objects(t)[0]
	o.ready(t, pdfOf(1000))
	for _, object := range o.objects(t) {
		if object != of {
			require.NoError(t, os.Rename(object, of))
		}
	}
	got, err := o.read(t, first, 0)
	requireReason(t, err, contentv1.Reason_REASON_CONTENT_DAMAGED)
	require.Empty(t, got)
}

// A file that is damaged before it was checked is refused, so that its sender sends it again.
func TestDamagedBeforeItsCheck(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	file := pdfOf(1000)
	uploadID := o.create(t, file)
	_, err := appendTo(t.Context(), o.uploads(t), uploadID, 0, file[:500])
	require.NoError(t, err)
	require.NoError(t, os.Truncate(o.objects(t)[0], 100))
	u, err := appendTo(t.Context(), o.uploads(t), uploadID, 500, file[500:])
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_REFUSED, u.GetState())
	require.Equal(t, "CONTENT_DAMAGED", u.GetFindings()[0].GetReason())
}

// Memory does not grow with the file. The test runs alone, since it measures the memory of the process, its sender's included.
func TestMemory(t *testing.T) { //nolint:paralleltest // see above
	const most = 32 << 20
	o := newOffice(t)
	file := pdfOf(64 << 20)
	request := describe(file)
	created, err := o.uploads(t).CreateUpload(t.Context(), request)
	require.NoError(t, err)
	// The collector runs often, so no growth is missed.
	before := debug.SetGCPercent(20)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	peak := watchHeap(t)
	u, err := appendTo(t.Context(), o.uploads(t), created.GetUpload().GetId(), 0, file)
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState())
	stream, err := o.unit(t).ReadContent(t.Context(), &contentv1.ReadContentRequest{Id: u.GetId()})
	require.NoError(t, err)
	for read := 0; read < len(file); {
		m, err := stream.Recv()
		require.NoError(t, err)
		require.True(t, bytes.Equal(file[read:read+len(m.GetData())], m.GetData()))
		read += len(m.GetData())
	}
	grown := peak()
	t.Logf("the live heap grew by %d KiB", grown>>10)
	require.Less(t, grown, uint64(most))
}

// watchHeap samples by how much the live heap grows, as each collection finds it; the result is the peak.
func watchHeap(t *testing.T) (peak func() uint64) {
	t.Helper()
	inUse := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	begin := inUse()
	var highest atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			if now := inUse(); now > begin && now-begin > highest.Load() {
				highest.Store(now - begin)
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-stopped
		return highest.Load()
	}
}

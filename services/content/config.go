package content

import (
	"net/url"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pdfscan"
)

// Config are the settings of the unit; settings.yaml names each of them.
type Config struct {
	// Bucket is where the bytes are kept: file:///folder, or s3://bucket?region=….
	Bucket string `yaml:"bucket" env:"NARU_CONTENT_BUCKET"`
	// FileBytes is the size of the largest file.
	FileBytes int64 `yaml:"file_bytes"`
	// MediaTypes that are taken; each has to be one whose beginning this unit knows.
	MediaTypes []string `yaml:"media_types"`
	PDF        PDF      `yaml:"pdf"`
	// OpenUploads is how many uploads of one principal may wait for a document.
	OpenUploads int `yaml:"open_uploads"`
	// Kept is how long an upload waits for a document that names it.
	Kept  config.Duration `yaml:"kept"`
	Grace Grace           `yaml:"grace"`
	// Streams is how many files one replica takes and gives at the same time.
	Streams int `yaml:"streams"`
	// Idle is how long a sender may be silent within a stream.
	Idle config.Duration `yaml:"idle"`
	// SweepInterval is how often it is looked for files that nothing needs any more.
	SweepInterval config.Duration `yaml:"sweep_interval"`
}

// PDF says what is asked of a PDF.
type PDF struct {
	// Refuse are the reasons of findings for which a PDF is refused.
	Refuse []string `yaml:"refuse"`
}

// Grace is how long a file is kept after the last use of it.
type Grace struct {
	// End is the time after a document ended without a receipt: the sender may send the same files again.
	End config.Duration `yaml:"end"`
	// Viewing is the time after the viewing deadline.
	Viewing config.Duration `yaml:"viewing"`
}

const (
	// maxFileBytes is what a row and a document's page of bytes can say without surprise: 64 GiB.
	maxFileBytes = 64 << 30
	// minKept is the shortest time for which a file may be kept. Intake names no upload that ends within an hour, so an
	// acceptance never meets one that is about to be deleted.
	minKept = 2 * time.Hour
	// maxOpenUploads is as many as a batch can name.
	maxOpenUploads = 11_000
	// maxStreams bounds the memory of a replica: a stream needs about one MiB.
	maxStreams = 1000
)

// Default is a runnable configuration; its folder is made with the first upload.
func Default() *Config {
	return &Config{
		Bucket: "file:///var/lib/naru/content", FileBytes: 1 << 30, MediaTypes: []string{"application/pdf", "image/jpeg", "image/png"},
		PDF: PDF{Refuse: pdfscan.Reasons()}, OpenUploads: 100, Kept: config.Duration(7 * 24 * time.Hour),
		Grace:   Grace{End: config.Duration(7 * 24 * time.Hour), Viewing: config.Duration(30 * 24 * time.Hour)},
		Streams: 64, Idle: config.Duration(30 * time.Second), SweepInterval: config.Duration(time.Minute),
	}
}

// Validate returns every problem.
func (c *Config) Validate() error {
	var p config.Problems
	if u, err := url.Parse(c.Bucket); err != nil || (u.Scheme != schemeFile && u.Scheme != schemeS3) || (u.Scheme == schemeFile && (u.Host != "" || u.Path == "")) {
		p.Add("bucket", "must be a URL file:///folder or s3://bucket")
	}
	if c.FileBytes < 1 || c.FileBytes > maxFileBytes {
		p.Add("file_bytes", "must be from 1 to %d", int64(maxFileBytes))
	}
	if len(c.MediaTypes) == 0 || slices.ContainsFunc(c.MediaTypes, func(t string) bool { return signatures[t] == nil }) {
		p.Add("media_types", "must hold one or more of %v", knownMediaTypes())
	}
	if slices.ContainsFunc(c.PDF.Refuse, func(reason string) bool { return !slices.Contains(pdfscan.Reasons(), reason) }) {
		p.Add("pdf.refuse", "may hold only %v", pdfscan.Reasons())
	}
	if c.OpenUploads < 1 || c.OpenUploads > maxOpenUploads {
		p.Add("open_uploads", "must be from 1 to %d", maxOpenUploads)
	}
	for path, d := range map[string]config.Duration{"kept": c.Kept, "grace.end": c.Grace.End, "grace.viewing": c.Grace.Viewing} {
		if d.Std() < minKept {
			p.Add(path, "must be at least %s", minKept)
		}
	}
	if c.Streams < 1 || c.Streams > maxStreams {
		p.Add("streams", "must be from 1 to %d", maxStreams)
	}
	if c.Idle <= 0 {
		p.Add("idle", "must be above zero")
	}
	if c.SweepInterval <= 0 {
		p.Add("sweep_interval", "must be above zero")
	}
	return p.Err()
}

package content

import (
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

const domain = "content"

// soon is when a caller may try again what waits for somebody else.
const soon = 5 * time.Second

// uploadNotFound is also the answer for somebody else's upload: nobody learns that it exists.
func uploadNotFound() error {
	return fault.New(fault.NotFound, domain, contentv1.Reason_REASON_UPLOAD_NOT_FOUND, "there is no such upload")
}

func uploadTooLarge(most int64) error {
	return fault.New(fault.Invalid, domain, contentv1.Reason_REASON_UPLOAD_TOO_LARGE, "the file is larger than uploads may be",
		fault.WithMetadata("file_bytes", strconv.FormatInt(most, 10)))
}

func mediaTypeNotTaken() error {
	return fault.New(fault.Invalid, domain, contentv1.Reason_REASON_MEDIA_TYPE_NOT_TAKEN, "files of this media type are not taken")
}

func tooManyUploads() error {
	return fault.New(fault.Exhausted, domain, contentv1.Reason_REASON_TOO_MANY_UPLOADS, "too many uploads wait for a document; send or delete some first")
}

func tooManyStreams() error {
	return fault.New(fault.Exhausted, domain, contentv1.Reason_REASON_TOO_MANY_STREAMS, "as many files as may be are on their way now", fault.WithRetryAfter(soon))
}

func offsetDiffers(offset int64) error {
	return fault.New(fault.Conflict, domain, contentv1.Reason_REASON_OFFSET_DIFFERS, "the upload stands at another offset",
		fault.WithMetadata("offset", strconv.FormatInt(offset, 10)))
}

func uploadBusy() error {
	return fault.New(fault.Conflict, domain, contentv1.Reason_REASON_UPLOAD_BUSY, "another stream appends to the upload, or it is being checked",
		fault.WithRetryAfter(soon))
}

func moreThanAnnounced() error {
	return fault.New(fault.Invalid, domain, contentv1.Reason_REASON_MORE_THAN_ANNOUNCED, "more bytes came than were announced; none of the surplus is kept")
}

func uploadEnded() error {
	return fault.New(fault.Conflict, domain, contentv1.Reason_REASON_UPLOAD_ENDED, "nothing can be appended to the upload any more")
}

func uploadInUse() error {
	return fault.New(fault.Conflict, domain, contentv1.Reason_REASON_UPLOAD_IN_USE, "a document names the upload, or it is under legal hold")
}

func storageFull(cause error) error {
	return fault.New(fault.Exhausted, domain, contentv1.Reason_REASON_STORAGE_FULL, "there is no room for the file now", fault.Wrap(cause))
}

func storageUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, contentv1.Reason_REASON_STORAGE_UNAVAILABLE, "the place of the files cannot be reached now", fault.Wrap(cause))
}

func contentNotFound() error {
	return fault.New(fault.NotFound, domain, contentv1.Reason_REASON_CONTENT_NOT_FOUND, "there is no such file, or not any more")
}

func contentDamaged(cause error) error {
	return fault.New(fault.Corrupt, domain, contentv1.Reason_REASON_CONTENT_DAMAGED, "the file was changed or lost where it is kept", fault.Wrap(cause))
}

func offsetBeyondEnd() error {
	return fault.New(fault.Invalid, domain, fault.InvalidRequest, "the request breaks rules",
		fault.WithViolations(fault.Violation{Field: "offset", Rule: "offset.size", Message: "lies beyond the end of the file"}))
}

// silent ends a stream on which nothing came for too long.
func silent() error {
	return fault.New(fault.Unavailable, domain, nil, "nothing came for too long; what arrived is kept")
}

func clockUntrusted(cause error) error {
	return fault.New(fault.Unavailable, domain, nil, "the clock may not be believed", fault.Wrap(cause))
}

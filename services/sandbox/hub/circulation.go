package hub

import (
	"encoding/json"
	"time"

	"github.com/naru-relay/naru/pkg/id"
)

// Results of registering a circulation (hub interface 7.3).
const (
	resultRegistered      = 1
	resultDuplicate       = 2
	resultTimeOrder       = 3
	resultNoSender        = 4
	resultNoRecipient     = 5
	resultUnknownSendPlat = 6
	resultUnknownRecvPlat = 7
	resultOther           = 9
)

// Results of registering a read time (hub interface 7.4).
const (
	readRegistered    = 1
	readDuplicate     = 2
	readBeforeReceipt = 3
	readNoCirculation = 4
	readOther         = 9
)

// docTypeNoRead is 알림서비스, which has no read time (hub interface 7.2).
const docTypeNoRead = 2

// circulationItem is one item of POST /api/circulation.
type circulationItem struct {
	EdocNum        string   `json:"edocNum"`
	Subject        string   `json:"subject"`
	SendEaddr      string   `json:"sendEaddr"`
	SendSubEaddr   *string  `json:"sendSubEaddr"`
	RecvEaddr      string   `json:"recvEaddr"`
	RecvSubEaddr   *string  `json:"recvSubEaddr"`
	SendPlatformID string   `json:"sendPlatformId"`
	RecvPlatformID string   `json:"recvPlatformId"`
	SendDate       string   `json:"sendDate"`
	RecvDate       string   `json:"recvDate"`
	ReadDate       *string  `json:"readDate"`
	DocType        *int     `json:"docType"`
	ContentHash    string   `json:"contentHash"`
	FileHashes     []string `json:"fileHashes"`

	send, recv time.Time
	read       *time.Time
}

// readItem is one item of PATCH /api/circulation.
type readItem struct {
	EdocNum  string  `json:"edocNum"`
	ReadDate *string `json:"readDate"`
	// LG's client sends subject as null with the read time; the real hub accepts it.
	Subject *string `json:"subject"`

	read time.Time
}

// judge checks an item's form and times, and whether the caller may register it. It returns 0 if the rest must be decided in the
// database.
func (s *System) judge(it *circulationItem, callerID string) int {
	if !it.wellFormed(s.config.Dialect) {
		return resultOther
	}
	var ok [2]bool
	it.send, ok[0] = parseDate(it.SendDate)
	it.recv, ok[1] = parseDate(it.RecvDate)
	if !ok[0] || !ok[1] {
		return resultOther
	}
	if it.ReadDate != nil {
		read, ok := parseDate(*it.ReadDate)
		if !ok {
			return resultOther
		}
		it.read = &read
	}
	// A document has its number before it is sent, and nothing is registered before it happened.
	latest := it.recv
	if it.read != nil && it.read.After(latest) {
		latest = *it.read
	}
	if id.EdocNumber(it.EdocNum).Date().After(it.send) || s.future(it.send) || s.future(latest) {
		return resultOther
	}
	// Only the relay of a party may register. This rule is ours; the real hub's is not known.
	if callerID != it.SendPlatformID && callerID != it.RecvPlatformID {
		return resultOther
	}
	return 0
}

// inOrder reports whether sent, received and read time follow each other; equal times are in order.
func (it *circulationItem) inOrder() bool {
	return !it.recv.Before(it.send) && (it.read == nil || !it.read.Before(it.recv))
}

func (it *circulationItem) wellFormed(dialect string) bool {
	if _, err := id.ParseEdocNumber(it.EdocNum); err != nil {
		return false
	}
	if dialect == Dialect2021 {
		if it.DocType != nil || it.SendSubEaddr != nil || it.RecvSubEaddr != nil {
			return false
		}
	} else if it.DocType == nil || *it.DocType < 0 || *it.DocType > docTypeNoRead {
		return false
	}
	if it.DocType != nil && *it.DocType == docTypeNoRead && it.ReadDate != nil {
		return false
	}
	for _, sub := range []*string{it.SendSubEaddr, it.RecvSubEaddr} {
		if sub != nil && !isAddress(*sub) {
			return false
		}
	}
	if len(it.FileHashes) > maxFileHashes {
		return false
	}
	for _, h := range it.FileHashes {
		if !isHash(h) {
			return false
		}
	}
	return isText(it.Subject, maxSubject) && isAddress(it.SendEaddr) && isAddress(it.RecvEaddr) &&
		isText(it.SendPlatformID, maxPlatformID) && isText(it.RecvPlatformID, maxPlatformID) &&
		isHash(it.ContentHash)
}

func (s *System) judgeReading(it *readItem) int {
	if _, err := id.ParseEdocNumber(it.EdocNum); err != nil {
		return readOther
	}
	if it.ReadDate == nil {
		return readOther
	}
	read, ok := parseDate(*it.ReadDate)
	if !ok || s.future(read) {
		return readOther
	}
	it.read = read
	return 0
}

// itemResult is the result of one item in the answer to a batch.
type itemResult struct {
	EdocNum string `json:"edocNum"`
	Result  int    `json:"result"`
}

// readBatch reads {"circulations": […]} with 1 to 500 items. It refuses the whole batch only if an item has no usable number. An
// item with a number but another error of form gets result 9, and the other items are processed.
func readBatch[T any](body []byte, number func(*T) *string) ([]T, []itemResult, error) {
	var batch struct {
		Circulations []json.RawMessage `json:"circulations"`
	}
	if err := readJSON(body, &batch); err != nil {
		return nil, nil, err
	}
	if n := len(batch.Circulations); n == 0 || n > maxBatch {
		return nil, nil, badForm("circulations")
	}
	items := make([]T, len(batch.Circulations))
	results := make([]itemResult, len(batch.Circulations))
	for i, raw := range batch.Circulations {
		if err := readJSON(raw, &items[i]); err != nil {
			var named struct {
				EdocNum string `json:"edocNum"`
			}
			if json.Unmarshal(raw, &named) != nil || named.EdocNum == "" {
				return nil, nil, badForm("circulations.edocNum")
			}
			results[i] = itemResult{EdocNum: named.EdocNum, Result: resultOther}
			continue
		}
		results[i].EdocNum = *number(&items[i])
		if results[i].EdocNum == "" {
			return nil, nil, badForm("circulations.edocNum")
		}
	}
	return items, results, nil
}

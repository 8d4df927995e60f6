package hubclient

import (
	"errors"
	"math"
	"net/http"
	"time"
)

// ErrBatch is a batch that may not be sent: empty, over the limit, or with one edoc number twice.
var ErrBatch = errors.New("the batch may not be sent")

// Party is one end of a circulation.
type Party struct {
	PlatformID, Address, SubAddress string
}

// Circulation is one record (유통정보, hub-interface 4.1).
type Circulation struct {
	EdocNum            string
	Title              string
	From, To           Party
	SentAt, ReceivedAt time.Time
	// DocType is 0 general, 1 notice, 2 notice without read time (hub-interface 7.2).
	DocType int
	// Hash of the document and of its 0-10 attachments, hex.
	Hash             string
	AttachmentHashes []string
}

type circulationBody struct {
	EdocNum        string   `json:"edocNum"`
	Subject        string   `json:"subject"`
	SendEaddr      string   `json:"sendEaddr"`
	SendSubEaddr   string   `json:"sendSubEaddr,omitempty"`
	RecvEaddr      string   `json:"recvEaddr"`
	RecvSubEaddr   string   `json:"recvSubEaddr,omitempty"`
	SendPlatformID string   `json:"sendPlatformId"`
	RecvPlatformID string   `json:"recvPlatformId"`
	SendDate       string   `json:"sendDate"`
	RecvDate       string   `json:"recvDate"`
	DocType        *int     `json:"docType,omitempty"`
	ContentHash    string   `json:"contentHash"`
	FileHashes     []string `json:"fileHashes,omitempty"`
}

// ReadTime is one read time (hub-interface 4.2).
type ReadTime struct {
	EdocNum string
	ReadAt  time.Time
}

type readTimeBody struct {
	EdocNum  string `json:"edocNum"`
	ReadDate string `json:"readDate"`
}

type batchBody[T any] struct {
	Circulations []T `json:"circulations"`
}

// RegisterCirculations writes a batch of records.
func (c *Client) RegisterCirculations(items []Circulation) (Call, error) {
	bodies := make([]circulationBody, len(items))
	numbers := make([]string, len(items))
	for i, item := range items {
		numbers[i] = item.EdocNum
		bodies[i] = circulationBody{
			EdocNum: item.EdocNum, Subject: item.Title,
			SendEaddr: item.From.Address, SendPlatformID: item.From.PlatformID,
			RecvEaddr: item.To.Address, RecvPlatformID: item.To.PlatformID,
			SendDate: Date(item.SentAt), RecvDate: Date(item.ReceivedAt),
			ContentHash: item.Hash, FileHashes: item.AttachmentHashes,
		}
		if c.config.Dialect != Dialect2021 {
			bodies[i].DocType = &items[i].DocType
			bodies[i].SendSubEaddr, bodies[i].RecvSubEaddr = item.From.SubAddress, item.To.SubAddress
		}
	}
	if err := c.checkBatch(numbers); err != nil {
		return Call{}, err
	}
	return c.jsonCall(RegisterCirculations, http.MethodPost, c.config.Paths.Circulation, batchBody[circulationBody]{bodies})
}

// RegisterReadTimes writes a batch of read times.
func (c *Client) RegisterReadTimes(items []ReadTime) (Call, error) {
	bodies := make([]readTimeBody, len(items))
	numbers := make([]string, len(items))
	for i, item := range items {
		numbers[i] = item.EdocNum
		bodies[i] = readTimeBody{item.EdocNum, Date(item.ReadAt)}
	}
	if err := c.checkBatch(numbers); err != nil {
		return Call{}, err
	}
	return c.jsonCall(RegisterReadTimes, http.MethodPatch, c.config.Paths.Circulation, batchBody[readTimeBody]{bodies})
}

func (c *Client) checkBatch(numbers []string) error {
	if len(numbers) == 0 || len(numbers) > c.config.BatchLimit {
		return ErrBatch
	}
	seen := make(map[string]bool, len(numbers))
	for _, number := range numbers {
		if number == "" || seen[number] {
			return ErrBatch
		}
		seen[number] = true
	}
	return nil
}

// maxResult bounds an item's result; the known ones have one digit (hub-interface 7.3, 7.4), and a column holds so many.
const maxResult = math.MaxInt16

// ReadBatch reads the answer to a batch of the given edoc numbers and returns a result for each, in that order. 0 means that the
// answer left the item out, or has no result for it that could be one. An item that was not asked for, or that comes twice, makes
// the answer garbage.
func ReadBatch(a Answer, numbers []string) ([]int, error) {
	var body struct {
		head
		Circulations []struct {
			EdocNum string `json:"edocNum"`
			Result  *int   `json:"result"`
		} `json:"circulations"`
	}
	if err := a.readJSON(&body, &body.head); err != nil {
		return nil, err
	}
	place := make(map[string]int, len(numbers))
	for i, number := range numbers {
		place[number] = i
	}
	results, seen := make([]int, len(numbers)), make([]bool, len(numbers))
	for _, item := range body.Circulations {
		i, asked := place[item.EdocNum]
		switch {
		case !asked:
			return nil, garbage("an item was not asked for")
		case seen[i]:
			return nil, garbage("an item is answered twice")
		case item.Result != nil && *item.Result >= 1 && *item.Result <= maxResult:
			results[i] = *item.Result
		}
		seen[i] = true
	}
	return results, nil
}

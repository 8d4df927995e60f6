package main

// perDocument is the cost of a bulk document, from acceptance until nothing is left to do for it.
type perDocument struct {
	RowWrites float64 `json:"rowWrites"`
	// Query is the statement that counts the writes; ByTable lists them.
	Query   string        `json:"rowWritesQuery"`
	ByTable []tableWrites `json:"rowWritesByTable"`
	// WALBytes is the cluster's write-ahead log without the sandbox's, including full-page images, which FullPageImages counts
	// separately.
	WALBytes       float64 `json:"walBytes"`
	FullPageImages float64 `json:"fullPageImageBytes"`
	Compression    string  `json:"walCompression"`
	// PostgresMicroseconds is the processor time of sessions in the units' database and of PostgreSQL's shared processes;
	// GoMicroseconds is that of the relay's process.
	PostgresMicroseconds float64 `json:"postgresMicroseconds"`
	GoMicroseconds       float64 `json:"goMicroseconds"`
}

func costLines() []line {
	return []line{
		most("per bulk document: row writes", 16, "row writes a document"), most("per bulk document: WAL", 11<<10, "bytes a document"),
		most("per bulk document: PostgreSQL", 180, micros), most("per bulk document: Go", 300, micros),
	}
}

func costOf(rounds []round, before, after map[string]tableWrites) *perDocument {
	p := &perDocument{Query: rowWritesQuery}
	var documents float64
	var wal, images, postgres, relay []float64
	for _, r := range rounds {
		documents += float64(r.Documents)
		wal, images = append(wal, r.WAL.Units), append(images, r.WAL.UnitsImages)
		postgres, relay = append(postgres, r.CPU.Units+r.CPU.Shared), append(relay, r.CPU.Relay)
		p.Compression = r.WAL.Compression
	}
	p.RowWrites, p.ByTable = writesPerDocument(before, after, documents)
	p.WALBytes, p.FullPageImages = median(wal), median(images)
	p.PostgresMicroseconds, p.GoMicroseconds = rounded(median(postgres), 1), rounded(median(relay), 1)
	return p
}

func (p *perDocument) lines(empty []line) []line {
	figures := []float64{p.RowWrites, p.WALBytes, p.PostgresMicroseconds, p.GoMicroseconds}
	filled := make([]line, len(empty))
	for i, l := range empty {
		filled[i] = l.is(figures[i])
	}
	return filled
}

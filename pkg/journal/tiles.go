package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

const (
	// tileHeight of C2SP tlog-tiles: 256 hashes in a tile.
	tileHeight = 8
	// tileDir begins the paths that package tlog writes: they name the height, which C2SP leaves out.
	tileDir = "tile/8/"
	// maxTileLevel is that of a log of 2^63 leaves.
	maxTileLevel = 7
)

// tiles reads the log's tiles; package tlog checks each against the root it was asked for.
type tiles struct {
	ctx context.Context //nolint:containedctx // tlog's readers have none; tiles live for one call
	db  pg.DBTX
}

func (t tiles) Height() int { return tileHeight }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles returns the tiles at the requested width; the table holds the widest.
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	const read = `
		select coalesce(t.hashes, '')
		from   unnest($1::smallint[], $2::bigint[]) with ordinality u(level, n, place)
		left   join log_tile t on t.level = u.level and t.n = u.n
		order  by u.place`
	levels, ns := make([]int16, len(wanted)), make([]int64, len(wanted))
	for i, tile := range wanted {
		levels[i], ns[i] = int16(tile.L), tile.N
	}
	found, err := pg.All(t.ctx, t.db, "read tiles", pgx.RowTo[[]byte], read, levels, ns)
	if err != nil {
		return nil, err
	}
	for i, tile := range wanted {
		width := tile.W * tlog.HashSize
		if len(found[i]) < width {
			return nil, fmt.Errorf("read tiles: tile %s is not whole", tile.Path())
		}
		found[i] = found[i][:width]
	}
	return found, nil
}

// ErrNoTile says that the log has not grown so far.
var ErrNoTile = errors.New("the log has no such tile")

// ReadTile reads the first hashes of a tile of a unit's log.
func ReadTile(ctx context.Context, db pg.DBTX, tile tlog.Tile) ([]byte, error) {
	const read = `select substr(hashes, 1, $3) from log_tile where level = $1 and n = $2 and octet_length(hashes) >= $3`
	var hashes []byte
	known, err := pg.Scan(ctx, db, "read a tile", []any{&hashes}, read, tile.L, tile.N, tile.W*tlog.HashSize)
	if err == nil && !known {
		err = ErrNoTile
	}
	return hashes, err
}

// TilePath is a tile's path in a published log (C2SP tlog-tiles), e.g. tile/0/x001/234.p/5.
func TilePath(tile tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(tile.Path(), tileDir)
}

// ParseTilePath reads the one spelling of a tile's path.
func ParseTilePath(path string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return tlog.Tile{}, ErrNoTile
	}
	tile, err := tlog.ParseTilePath(tileDir + rest)
	if err != nil || tile.L < 0 || tile.L > maxTileLevel {
		return tlog.Tile{}, ErrNoTile
	}
	return tile, nil
}

// tree is the log as stored and what is added to it.
type tree struct {
	old   tlog.Tree
	size  int64
	below tlog.HashReader
	fresh map[int64]tlog.Hash
}

func openTree(ctx context.Context, db pg.DBTX, old tlog.Tree) *tree {
	t := &tree{old: old, size: old.N, fresh: map[int64]tlog.Hash{}}
	if old.N > 0 {
		t.below = tlog.TileHashReader(old, tiles{ctx, db})
	}
	return t
}

// ReadHashes implements tlog.HashReader over the stored and the added hashes.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	var older []int64
	var places []int
	for i, index := range indexes {
		if h, ok := t.fresh[index]; ok {
			found[i] = h
			continue
		}
		older, places = append(older, index), append(places, i)
	}
	if len(older) == 0 {
		return found, nil
	}
	if t.below == nil {
		return nil, fmt.Errorf("hash %d is not in the log", older[0])
	}
	hashes, err := t.below.ReadHashes(older)
	if err != nil {
		return nil, err
	}
	for i, h := range hashes {
		found[places[i]] = h
	}
	return found, nil
}

// add appends a leaf.
func (t *tree) add(leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		return fmt.Errorf("add leaf %d: %w", t.size, err)
	}
	at := tlog.StoredHashIndex(0, t.size)
	for i, h := range hashes {
		t.fresh[at+int64(i)] = h
	}
	t.size++
	return nil
}

// root of the tree with what was added.
func (t *tree) root() (tlog.Hash, error) {
	root, err := tlog.TreeHash(t.size, t)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("compute root of the log: %w", err)
	}
	return root, nil
}

// save writes the tiles that have changed.
func (t *tree) save(ctx context.Context, db pg.DBTX) error {
	const upsert = `
		insert into log_tile (level, n, hashes)
		select level, n, hashes
		from   unnest($1::smallint[], $2::bigint[], $3::bytea[]) u(level, n, hashes)
		order  by level, n
		on conflict (level, n) do update
		set    hashes = excluded.hashes
		where  octet_length(log_tile.hashes) < octet_length(excluded.hashes)`
	var levels []int16
	var ns []int64
	var contents [][]byte
	for _, tile := range tlog.NewTiles(tileHeight, t.old.N, t.size) {
		content, err := tlog.ReadTileData(tile, t)
		if err != nil {
			return fmt.Errorf("read new tile %s: %w", tile.Path(), err)
		}
		levels, ns, contents = append(levels, int16(tile.L)), append(ns, tile.N), append(contents, content)
	}
	return pg.Exec(ctx, db, fmt.Sprintf("write %d tiles", len(levels)), upsert, levels, ns, contents)
}

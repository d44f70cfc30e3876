// Verify holds a log of ours against the Go checksum database's own libraries, golang.org/x/mod/sumdb/note and tlog.
//
//	verify DIRECTORY       verifies all that is there, a line for each fact, and stops at the first that is none
//	verify -list DIRECTORY verifies the checkpoint and lists the files that a log of its size has, as it serves them
//
// The directory has the log's `key` and `checkpoint` and its `tile/…`, as they are served. Where there are bundles
// (`tile/entries/…`), single leaves (`leaves/<sequence>`) or checkpoints of before (`earlier/…`), they are verified too.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The height of a tile.
const height = 8

func main() {
	list := flag.Bool("list", false, "list the files of the log")
	flag.Parse()
	if flag.NArg() != 1 {
		fail(errors.New("usage: verify [-list] DIRECTORY"))
	}
	dir := directory(flag.Arg(0))
	verifier, err := note.NewVerifier(strings.TrimSuffix(string(read(dir.file("key"))), "\n"))
	check("key", err)
	tree := open(verifier, dir.file("checkpoint"))
	if *list {
		for _, tile := range tilesOf(tree) {
			fmt.Println(served(tile))
			if tile.L == 0 {
				fmt.Println(served(bundle(tile)))
			}
		}
		return
	}
	fmt.Printf("checkpoint: %s signed %d leaves with the root %v\n", verifier.Name(), tree.N, tree.Hash)
	if tree.N == 0 {
		check("checkpoint", equal(tree.Hash, tlog.Hash(sha256.Sum256(nil))))
	}
	hashes := tlog.TileHashReader(tree, dir)
	verifyTiles(dir, tree, hashes)
	verifyBundles(dir, tree, hashes)
	verifyLeaves(dir, tree, hashes)
	verifySmaller(tree, hashes)
	verifyEarlier(dir, verifier, tree, hashes)
}

// Every tile leads to the root: the last ones of each level together are the root, and each full tile is one hash of the
// tile above. The second is not left to the library, which before version 0.40 does not do it for every tile that it
// reads (CVE-2026-56865).
func verifyTiles(dir directory, tree tlog.Tree, hashes tlog.HashReader) {
	var levels [][]tlog.Tile
	for _, tile := range tilesOf(tree) {
		if tile.L == len(levels) {
			levels = append(levels, nil)
		}
		levels[tile.L] = append(levels[tile.L], tile)
	}
	for level, tiles := range levels {
		for _, tile := range tiles {
			name := served(tile)
			_, err := tlog.ReadTileData(tile, hashes)
			check(name, err)
			if tile.W < 1<<height {
				continue
			}
			above := levels[level+1][tile.N>>height]
			index := tlog.StoredHashIndex(height*above.L, tile.N)
			expected, err := tlog.HashFromTile(above, read(dir.file(served(above))), index)
			check(name, err)
			check(name, equal(tileHash(read(dir.file(name))), expected))
		}
		fmt.Printf("level %d: all tiles lead to the root, %d\n", level, len(tiles))
	}
}

// tileHash is the root over the hashes of a full tile.
func tileHash(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return *(*tlog.Hash)(data)
	}
	half := len(data) / 2
	return tlog.NodeHash(tileHash(data[:half]), tileHash(data[half:]))
}

// Every leaf of a bundle is the one whose hash is in the tree, and its first and last are proven one by one.
func verifyBundles(dir directory, tree tlog.Tree, hashes tlog.HashReader) {
	bundles := 0
	for _, tile := range tilesOf(tree) {
		name := served(bundle(tile))
		data, err := os.ReadFile(dir.file(name))
		if tile.L > 0 || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		check(name, err)
		leaves, err := split(data)
		check(name, err)
		if len(leaves) != tile.W {
			check(name, fmt.Errorf("has %d leaves and not %d", len(leaves), tile.W))
		}
		first := tile.N << height
		indexes := make([]int64, len(leaves))
		for i := range leaves {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		expected, err := hashes.ReadHashes(indexes)
		check(name, err)
		for i, leaf := range leaves {
			check(name, equal(tlog.RecordHash(leaf), expected[i]))
		}
		verifyLeaf(name, tree, hashes, first, leaves[0])
		verifyLeaf(name, tree, hashes, first+int64(tile.W)-1, leaves[tile.W-1])
		bundles++
	}
	if bundles > 0 {
		fmt.Printf("entries: the leaves of all bundles are in the tree, %d\n", bundles)
	}
}

func verifyLeaves(dir directory, tree tlog.Tree, hashes tlog.HashReader) {
	for _, path := range dir.glob("leaves") {
		sequence, err := strconv.ParseInt(filepath.Base(path), 10, 64)
		check(path, err)
		verifyLeaf(path, tree, hashes, sequence, read(path))
		fmt.Printf("leaf %d is in the tree\n", sequence)
	}
}

func verifyLeaf(name string, tree tlog.Tree, hashes tlog.HashReader, sequence int64, leaf []byte) {
	proof, err := tlog.ProveRecord(tree.N, sequence, hashes)
	check(name, err)
	check(name, tlog.CheckRecord(proof, tree.N, tree.Hash, sequence, tlog.RecordHash(leaf)))
}

// The trees around each power of two are where proofs change their shape.
func verifySmaller(tree tlog.Tree, hashes tlog.HashReader) {
	sizes := 0
	for power := int64(1); power <= tree.N; power *= 2 {
		for size := power - 1; size <= power+1; size++ {
			if size < 1 || size > tree.N {
				continue
			}
			name := fmt.Sprintf("tree of %d", size)
			root, err := tlog.TreeHash(size, hashes)
			check(name, err)
			verifyBeginning(name, tree, hashes, tlog.Tree{N: size, Hash: root})
			sizes++
		}
	}
	fmt.Printf("consistency: %d smaller trees are beginnings of this one\n", sizes)
}

func verifyEarlier(dir directory, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader) {
	for _, path := range dir.glob("earlier") {
		earlier := open(verifier, path)
		if earlier.N == 0 {
			check(path, equal(earlier.Hash, tlog.Hash(sha256.Sum256(nil))))
		} else {
			verifyBeginning(path, tree, hashes, earlier)
		}
		fmt.Printf("earlier: the checkpoint of %d leaves is the beginning of this one\n", earlier.N)
	}
}

func verifyBeginning(name string, tree tlog.Tree, hashes tlog.HashReader, old tlog.Tree) {
	proof, err := tlog.ProveTree(tree.N, old.N, hashes)
	check(name, err)
	check(name, tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
}

// open reads a signed checkpoint of the log that is named like its key.
func open(verifier note.Verifier, path string) tlog.Tree {
	signed, err := note.Open(read(path), note.VerifierList(verifier))
	check(path, err)
	text := strings.TrimPrefix(signed.Text, verifier.Name()+"\n")
	if text == signed.Text {
		check(path, errors.New("is of another log"))
	}
	// The library knows one log only. All else is the same.
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + text))
	check(path, err)
	return tree
}

// split takes a bundle apart: each leaf stands behind its length.
func split(bundle []byte) ([][]byte, error) {
	var leaves [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		leaves = append(leaves, bundle[2:end])
		bundle = bundle[end:]
	}
	return leaves, nil
}

// tilesOf names every tile of a tree. Older versions of the library name the last one at each width up to its own.
func tilesOf(tree tlog.Tree) []tlog.Tile {
	var tiles []tlog.Tile
	for _, tile := range tlog.NewTiles(height, 0, tree.N) {
		if last := len(tiles) - 1; last >= 0 && tiles[last].L == tile.L && tiles[last].N == tile.N {
			tiles[last] = tile
		} else {
			tiles = append(tiles, tile)
		}
	}
	return tiles
}

// served is the name of a tile as C2SP's tlog-tiles has it: without the height, and with entries for data.
func served(tile tlog.Tile) string {
	return strings.Replace("tile/"+strings.TrimPrefix(tile.Path(), "tile/8/"), "tile/data/", "tile/entries/", 1)
}

func bundle(tile tlog.Tile) tlog.Tile {
	return tlog.Tile{H: height, L: -1, N: tile.N, W: tile.W}
}

// directory is where a log is, and where the library reads tiles.
type directory string

func (d directory) file(name string) string { return filepath.Join(string(d), name) }

func (d directory) glob(name string) []string {
	paths, err := filepath.Glob(d.file(filepath.Join(name, "*")))
	check(name, err)
	return paths
}

func (d directory) Height() int { return height }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(d.file(served(tile)))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

func equal(a, b tlog.Hash) error {
	if a != b {
		return fmt.Errorf("has the hash %v and not %v", a, b)
	}
	return nil
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	check(path, err)
	return data
}

func check(name string, err error) {
	if err != nil {
		fail(fmt.Errorf("%s: %w", name, err))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "verify:", err)
	os.Exit(1)
}

package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assetsPath is where the assets are served, before their hash.
const assetsPath = "/assets/"

// assets are the files that the operator's pages need in a browser. They stand
// under a hash of all of them, so that a browser may keep them for ever and a new
// alta is never shown with the style of the one before.
type assets struct {
	hash  string
	files map[string][]byte
}

// loadAssets reads the files that are built in.
func loadAssets() (*assets, error) {
	a := &assets{files: map[string][]byte{}}
	sum := sha256.New()
	err := fs.WalkDir(assetFiles, "assets", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := assetFiles.ReadFile(name)
		if err != nil {
			return err
		}
		a.files[path.Base(name)] = data
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the assets: %w", err)
	}
	a.hash = hex.EncodeToString(sum.Sum(nil))[:16]
	return a, nil
}

// url is where the file is found. Its error tells of a page that names none.
func (a *assets) url(name string) (string, error) {
	if a.files[name] == nil {
		return "", fmt.Errorf("no asset %q", name)
	}
	return assetsPath + a.hash + "/" + name, nil
}

// ServeHTTP serves assetsPath and what is below.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, assetsPath), "/")
	data := a.files[name]
	if data == nil || hash != a.hash {
		plain(w, http.StatusNotFound, "There is no such file in this version of alta: load the page again.")
		return
	}
	w.Header().Set("Content-Type", assetType(name))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	// A client that went away is nobody's concern.
	_, _ = w.Write(data)
}

func assetType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

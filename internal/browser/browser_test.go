package browser

import (
	"errors"
	"image"
	"image/color"
	"os"
	"strings"
	"testing"
)

func TestWithoutChromium(t *testing.T) {
	missing := errors.New("there is none")
	for _, c := range []struct {
		name, variable string
		fails          bool
	}{
		{"nobody counts on one", "ALTA_OTHER", false},
		{"one is required", "ALTA_REQUIRE_REAL", true},
		{"one is named", "ALTA_CHROMIUM", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("ALTA_REQUIRE_REAL", "")
			t.Setenv("ALTA_CHROMIUM", "")
			t.Setenv(c.variable, "/nowhere")
			var verdict recorder
			goWithout(&verdict, missing)
			if verdict.failed != c.fails || !verdict.failed && !verdict.skipped {
				t.Errorf("it failed: %v, it skipped: %v", verdict.failed, verdict.skipped)
			}
		})
	}
}

func TestFindSaysWhatToInstall(t *testing.T) {
	t.Setenv("ALTA_CHROMIUM", "")
	t.Setenv("PATH", t.TempDir())
	if path, err := Find(); err == nil || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("found %q, %v", path, err)
	}
	t.Setenv("ALTA_CHROMIUM", os.Args[0])
	if path, err := Find(); err != nil || path != os.Args[0] {
		t.Errorf("found %q, %v; want the one that is named", path, err)
	}
}

// A picture with more colours than a palette holds keeps the frequent ones as they are,
// and each of the rest becomes the one next to it.
func TestReduce(t *testing.T) {
	full := image.NewRGBA(image.Rect(0, 0, mostColours, 3))
	for x := range mostColours {
		for y, blue := range []uint8{0, 0, 1} {
			full.Set(x, y, color.RGBA{uint8(x), uint8(x), blue, 255})
		}
	}
	small := reduce(full)
	if n := len(small.Palette); n != mostColours {
		t.Errorf("the palette has %d colours", n)
	}
	for x := range mostColours {
		for y := range 3 {
			want := color.RGBA{uint8(x), uint8(x), 0, 255}
			if got := color.RGBAModel.Convert(small.At(x, y)); got != want {
				t.Errorf("at %d, %d is %v, want %v", x, y, got, want)
			}
		}
	}
}

package web

// navLink is one entry of the navigation.
type navLink struct {
	Href, Name string
	Here       bool // the page that is shown belongs to it
}

func navTo(href, name string, section, here Section) navLink {
	return navLink{href, name, section == here}
}

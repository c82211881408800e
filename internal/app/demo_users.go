package app

import (
	"bytes"
	"encoding/csv"
	"fmt"

	"alta/pipeline"
)

// trouble is what goes wrong for a sample user: at the mail server with the mail, at
// the partner API with the click.
type trouble int

const (
	noTrouble      trouble = iota
	unknownAtAPI           // 404: the partner API does not know the user
	wrongTypeAtAPI         // 400: a business on the call for individuals
	brokenAtAPI            // 500: the partner API fails
	refusedBySMTP          // 550 5.1.1: there is no such mailbox
	fullAtSMTP             // 452 4.2.2: the mailbox is full
)

// demoUser is one sample user.
type demoUser struct {
	id, externalID string
	email, name    string
	country        pipeline.Country
	zone           string // "" is the country's default
	kind           pipeline.UserType
	trouble        trouble
}

// demoPeople are the sample users with a story.
func demoPeople() []demoUser {
	return []demoUser{
		{email: "ana.torres@correo.example", name: "Ana Torres Medina", country: pipeline.MX},
		{email: "yokasta.pena@correo.example", name: "Yokasta Peña", country: pipeline.DO},
		{email: "luis.echeverria@correo.example", name: "Luis Echeverría Núñez", country: pipeline.MX, zone: "America/Tijuana"},
		{email: "ramon.santana@correo.example", name: "Ramón Santana", country: pipeline.DO},
		{email: "finanzas@tostadora.example", name: "Tostadora Café Altura, S.A. de C.V.", country: pipeline.MX, kind: pipeline.Business},
		{email: "altagracia.jimenez@correo.example", name: "Altagracia Jiménez", country: pipeline.DO},
		{email: "buzon.cerrado@correo.example", name: "Jorge Quintana", country: pipeline.MX, trouble: refusedBySMTP},
		{email: "recien.llegada@correo.example", name: "Marleny de los Santos", country: pipeline.DO, trouble: unknownAtAPI},
		{email: "administracion@ferreteria.example", name: "Ferretería El Martillo", country: pipeline.MX, trouble: wrongTypeAtAPI},
		{email: "wilkin.feliz@correo.example", name: "Wilkin Féliz", country: pipeline.DO, trouble: brokenAtAPI},
		{email: "ximena.ibarra@correo.example", name: "Ximena Ibarra", country: pipeline.MX, zone: "America/Cancun", trouble: fullAtSMTP},
		{email: "gerencia@colmado.example", name: "Colmado La Esquina, S.R.L.", country: pipeline.DO, kind: pipeline.Business},
	}
}

// demoUsers returns n sample users: the ones with a story first, then as many
// more as are wanted, half of each country.
func demoUsers(n int) []demoUser {
	first := []string{"María", "José", "Guadalupe", "Juan", "Carmen", "Rafael", "Rosa", "Miguel", "Lucía", "Pedro"}
	last := []string{"García", "Rodríguez", "Hernández", "Martínez", "Peralta", "Núñez", "de la Cruz", "Ortiz"}
	users := demoPeople()
	for i := len(users); i < n; i++ {
		u := demoUser{
			email:   fmt.Sprintf("usuario%d@correo.example", i+1),
			name:    first[i%len(first)] + " " + last[i/len(first)%len(last)],
			country: pipeline.MX,
		}
		if i%2 == 1 {
			u.country = pipeline.DO
		}
		users = append(users, u)
	}
	users = users[:n]
	for i := range users {
		users[i].id = fmt.Sprintf("5a3d0000-0000-4000-8000-%012d", i+1)
		users[i].externalID = fmt.Sprintf("app-%d", i+1)
	}
	return users
}

// demoCSV is the file that the demo imports.
func demoCSV(users []demoUser) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	// Writing to memory does not fail.
	_ = w.Write([]string{"id", "external_id", "email", "name", "country", "time_zone", "type"})
	for _, u := range users {
		_ = w.Write([]string{u.id, u.externalID, u.email, u.name, string(u.country), u.zone, string(u.kind)})
	}
	w.Flush()
	return b.Bytes()
}

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"alta/pipeline"
)

// person is a user of a list.
type person struct {
	id, email, name string
	country         pipeline.Country
}

// people makes up users: always the same ones for a seed, in no order of their
// ids, as they come in real life.
type people struct {
	random *rand.Rand
	made   int
	seed   uint64
}

func newPeople(seed uint64) *people {
	return &people{random: rand.New(rand.NewPCG(seed, 0)), seed: seed}
}

// next makes up one more. Two of three live in Mexico.
func (p *people) next() person {
	p.made++
	high, low := p.random.Uint64(), p.random.Uint64()
	one := person{country: pipeline.MX}
	if p.random.IntN(3) == 0 {
		one.country = pipeline.DO
	}
	// The bits of version and variant are those of a random UUID (RFC 9562).
	high, low = high&^0xf000|0x4000, low&^(3<<62)|2<<62
	one.id = fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&0xffffffffffff)
	given, first, second := p.pick(givenNames), p.pick(surnames), p.pick(surnames)
	one.name = given + " " + first + " " + second
	one.email = fmt.Sprintf("%s.%s.%d.%d@%s", plainLetters(given), plainLetters(first), p.seed, p.made, p.pick(mailHosts))
	return one
}

func (p *people) pick(words string) string {
	list := strings.Split(words, ",")
	return list[p.random.IntN(len(list))]
}

const (
	givenNames = "Ana,José,María,Luis,Yokasta,Ramón,Sofía,Iván,Lucía,Ángel,Begoña,Raúl,Xiomara,Óscar,Altagracia,Jesús,Noemí,Héctor,Valentina,Andrés"
	surnames   = "García,Núñez,Hernández,Peña,Martínez,Rodríguez,López,Sánchez,Pérez,Ramírez,Muñoz,Ortega,Báez,Féliz,Jiménez,Castillo,Reyes,Güémez,De la Cruz,Torres"
	mailHosts  = "correo.example,buzon.example,mail.example,empresa.example"
)

// plainLetters is a name as it stands in an address.
func plainLetters(name string) string {
	return strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n", " ", "").Replace(
		strings.ToLower(name))
}

const csvHeader = "id,email,name,country"

// writePeople writes a list of n users as CSV.
func writePeople(path string, seed uint64, n int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriter(f)
	_, _ = fmt.Fprintln(w, csvHeader) // Flush has the error of all writes
	all := newPeople(seed)
	for range n {
		p := all.next()
		_, _ = fmt.Fprintf(w, "%s,%s,%s,%s\n", p.id, p.email, p.name, p.country)
	}
	return w.Flush()
}

// readPeople reads a list that writePeople wrote, in which nothing is quoted.
func readPeople(path string) (all []person, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for lines := bufio.NewReader(f); ; {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if line = strings.TrimSpace(line); line == csvHeader {
			continue
		}
		fields := strings.Split(line, ",")
		if len(fields) != 4 {
			return nil, fmt.Errorf("%q: %d fields, expected 4", line, len(fields))
		}
		all = append(all, person{fields[0], fields[1], fields[2], pipeline.Country(fields[3])})
	}
}

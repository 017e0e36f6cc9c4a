// Package place reads and writes notebooks where they live: files, standard input and output, web servers, git, and the buckets of S3,
// Google and Azure.
//
// A place is all or nothing: what is written is there whole or the old is. It knows bytes and names, and must not know what a notebook
// says or how one is run. The drivers of the clouds are in a program of its own, cellar-cloud, so that they weigh on nobody who does
// not use them. Start reading at Read and Write.
package place

-- Beside one word of a name the next is asked for by its first letters: those were looked for by reading everybody that the first word finds, which takes longer
-- with each of them. From now on they are terms. People who are known get them here, the others when they are met.
update search_people
set terms = terms || array_to_tsvector(array(
    select distinct 'b:' || left(word, length) from regexp_split_to_table(btrim(words), ' ') as word, generate_series(1, 2) as length
    where length <= char_length(word)));

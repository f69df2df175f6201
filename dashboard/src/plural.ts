// How many there are of something, in words: "1 row", "2,357 rows".
export const plural = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString()} ${count === 1 ? one : many}`;
